import "element-plus/theme-chalk/el-icon.css";
import "element-plus/theme-chalk/el-input.css";
import "element-plus/theme-chalk/el-option.css";
import "element-plus/theme-chalk/el-popper.css";
import "element-plus/theme-chalk/el-scrollbar.css";
import "element-plus/theme-chalk/el-select.css";
import "element-plus/theme-chalk/el-tag.css";

import { ElInput as Input } from "element-plus/es/components/input/index.mjs";
import { ElOption as Option, ElSelect as Select } from "element-plus/es/components/select/index.mjs";

import type { Typed } from "./typed";

export const ElInput = Input as unknown as Typed<{
  modelValue: string;
  type?: "text" | "password" | "textarea" | "datetime-local";
  inputmode?: "decimal" | "numeric";
  rows?: number;
  maxlength?: string;
  placeholder?: string;
  autocomplete?: string;
  clearable?: boolean;
  showPassword?: boolean;
  "onUpdate:modelValue"?: (text: string) => void;
}>;

export const ElSelect = Select as unknown as Typed<{
  modelValue: string | string[] | null;
  placeholder?: string;
  multiple?: boolean;
  filterable?: boolean;
  clearable?: boolean;
  collapseTags?: boolean;
  collapseTagsTooltip?: boolean;
  emptyValues?: unknown[];
  valueOnClear?: null;
  "onUpdate:modelValue"?: (chosen: never) => void;
  onChange?: () => void;
}>;

export const ElOption = Option as unknown as Typed<{ value: string; label: string }>;
