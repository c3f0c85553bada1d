/** What a browser says of itself, in the words of people. */

const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["HeadlessChrome", "Chrome"], ["Chrome", "Chrome"], ["Version", "Safari"]] as const;
const SYSTEMS = [["Android", "Android"], ["iPhone|iPad", "iOS"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]] as const;

/** `Chrome 150 · Linux`; what is not known stays as it is. */
export function browserName(userAgent: string): string {
  const browser = BROWSERS.map(([mark, name]) => [name, new RegExp(`\\b${mark}/(\\d+)`).exec(userAgent)?.[1]] as const).find(([, version]) => version !== undefined);
  const system = SYSTEMS.find(([mark]) => new RegExp(mark).test(userAgent));
  return browser === undefined ? userAgent : [browser.join(" "), system?.[1]].filter(Boolean).join(" · ");
}
