import "element-plus/theme-chalk/base.css";
import "./element.css";

import { ElConfigProvider as ConfigProvider } from "element-plus/es/components/config-provider/index.mjs";

import type { Typed } from "./typed";

export const ElConfigProvider = ConfigProvider as unknown as Typed<{ locale: object; message: { placement: "top" | "bottom"; offset: number } }>;
