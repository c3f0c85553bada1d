import "vue";

declare module "vue" {
  interface HTMLAttributes {
    /** Marks for the browser tests. */
    [mark: `data-${string}`]: string | boolean | undefined;
  }
}
