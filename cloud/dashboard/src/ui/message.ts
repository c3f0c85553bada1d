import "element-plus/theme-chalk/el-icon.css";
import "element-plus/theme-chalk/el-message.css";

export { ElMessage } from "element-plus/es/components/message/index.mjs";
