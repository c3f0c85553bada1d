import "element-plus/theme-chalk/el-date-picker.css";
import "element-plus/theme-chalk/el-date-picker-panel.css";
import "element-plus/theme-chalk/el-dialog.css";
import "element-plus/theme-chalk/el-overlay.css";
import "element-plus/theme-chalk/el-time-picker.css";

import { ElDatePicker as DatePicker } from "element-plus/es/components/date-picker/index.mjs";
import { ElDialog as Dialog } from "element-plus/es/components/dialog/index.mjs";

import type { Typed } from "./typed";

/** The library moves the focus round a dialog without a look at whether the window is high enough for it. */
addEventListener("focusin", ({ target }) => {
  if (target instanceof Element && target.parentElement?.closest("[role=dialog]")) {
    target.scrollIntoView({ block: "nearest" });
  }
});

export const ElDialog = Dialog as unknown as Typed<{
  modelValue: boolean;
  title: string;
  width?: string;
  appendToBody?: boolean;
  alignCenter?: boolean;
  onClose?: () => void;
  onClosed?: () => void;
}>;

export const ElDatePicker = DatePicker as unknown as Typed<{
  modelValue: Date | null;
  type: "datetime";
  placeholder?: string;
  disabledDate?: (day: Date) => boolean;
  "onUpdate:modelValue"?: (chosen: Date | null) => void;
}>;
