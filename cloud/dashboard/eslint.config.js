import vue from "eslint-plugin-vue";
import typescript from "typescript-eslint";

/** What the oldest browsers that we serve do not have (docs/operations-center.md), as far as the types let it through. */
const TOO_NEW = [
  ["AbortSignal", "any"],
  ["URL", "canParse"],
  ["URL", "parse"],
].map(([object, property]) => ({ object, property, message: "Chromium 108 does not have it." }));
const TOO_NEW_OF_ARRAYS = "MemberExpression[property.name=/^(toSorted|toReversed|toSpliced)$/]";

export default typescript.config(
  { ignores: ["dist/**", "node_modules/**", "src/api/schema.ts"] },
  ...typescript.configs.strict,
  ...vue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-properties": ["error", ...TOO_NEW],
      "no-restricted-syntax": ["error", { selector: TOO_NEW_OF_ARRAYS, message: "Chromium 108 does not have it." }],
      "no-undef": "off",
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
      "vue/component-api-style": ["error", ["script-setup"]],
      "vue/no-static-inline-styles": "error", // the Content-Security-Policy forbids them
      "vue/no-v-html": "error",
      // How lines are broken is nobody's concern.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/attributes-order": "off",
    },
  },
);
