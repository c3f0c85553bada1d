import "element-plus/theme-chalk/el-segmented.css";

import { ElSegmented as Segmented } from "element-plus/es/components/segmented/index.mjs";

import type { Typed } from "./typed";

export const ElSegmented = Segmented as unknown as Typed<{
  modelValue: string;
  options: readonly { value: string; label: string }[];
  "onUpdate:modelValue"?: (chosen: never) => void;
  onChange?: (chosen: string) => void;
}>;
