import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, h, ref, type App, type Component } from "vue";

import HeldBackDialog from "../src/components/HeldBackDialog.vue";
import NoticeWishCard from "../src/components/NoticeWishCard.vue";
import { useLocale } from "../src/composables/useLocale";
import { askMe } from "../src/composables/useMe";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import AccountPage from "../src/pages/AccountPage.vue";
import DrivingPage from "../src/pages/DrivingPage.vue";
import GuardianPage from "../src/pages/GuardianPage.vue";
import LookPage from "../src/pages/LookPage.vue";
import TravellerPage from "../src/pages/TravellerPage.vue";
import UpkeepPage from "../src/pages/UpkeepPage.vue";
import WelcomePage from "../src/pages/WelcomePage.vue";
import { makeRouter } from "./made";

type Answer = () => Promise<Response> | Response;

const PERSON = {
  id: "a", name: "Anna", kind: "child", consent_until: null, consents: [], tag_list: [], guardians: [], journeys: [], events: [], looks: [],
  history: [], area_lat: 27.5, area_lon: 120.4, area_radius_m: 800, hours_from: "07:00:00", hours_to: "19:00:00", tags: 0, last_heard_at: null,
};

describe("what somebody wrote", () => {
  let app: App | null = null;
  let router = makeRouter();
  let server: Record<string, Answer> = {};
  const sent: string[] = [];
  const versions: number[] = [];
  const nobody: Answer = () => new Promise(() => undefined);

  function open(page: Component, props: Record<string, unknown> = {}): void {
    vi.stubGlobal("fetch", (url: string, { method = "GET", body }: RequestInit) => {
      const path = `${method} ${url.replace("/api/v1", "").replace(/\?.*/, "")}`;
      sent.push(path);
      if (typeof body === "string" && body.includes('"version"')) {
        versions.push((JSON.parse(body) as { version: number }).version);
      }
      return Promise.resolve((server[path] ?? nobody)());
    });
    router = makeRouter();
    app = createApp(page, props);
    app.use(router).mount(document.body.appendChild(document.createElement("div")));
  }
  afterEach(() => {
    app?.unmount();
    sent.length = versions.length = 0;
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const field = (selector: string) => document.querySelector<HTMLInputElement>(selector);
  function write(input: HTMLInputElement | null, text: string): void {
    if (input === null) {
      throw new Error("there is no such field");
    }
    input.value = text;
    input.dispatchEvent(new Event("input"));
  }

  it("of an agreement stays when something else of the person is saved", async () => {
    let asked = 0;
    server = {
      "GET /travel/people/a": () => {
        asked += 1;
        return Response.json(PERSON);
      },
      "POST /travel/people/a/guardians": () => Response.json({ url: "https://example.org/welcome#1" }),
    };
    open(TravellerPage, { id: "a" });
    const place = (): HTMLInputElement | null => field("[aria-labelledby=agreement-title] input");
    await vi.waitUntil(() => place()?.value === "27.5, 120.4");
    write(place(), "27.6, 120.5");
    write(field("[aria-labelledby=guardians-title] input"), "li");
    await vi.waitUntil(() => document.querySelector("[aria-labelledby=guardians-title] [type=submit]:not([disabled])"));
    document.querySelector<HTMLFormElement>("[aria-labelledby=guardians-title] form")?.requestSubmit();
    await vi.waitUntil(() => asked === 2 && document.querySelector(".made"));
    expect(place()?.value).toBe("27.6, 120.5");
  });

  it("of an area that cannot be read, or of half the hours, is not saved as no agreement", async () => {
    server = { "GET /travel/people/a": () => Response.json(PERSON) };
    open(TravellerPage, { id: "a" });
    const form = "[aria-labelledby=agreement-title]";
    await vi.waitUntil(() => field(`${form} input`)?.value === "27.5, 120.4");
    const isRefused = () => document.querySelector(`${form} [role=alert]`) !== null && document.querySelector(`${form} [type=submit][disabled]`) !== null;
    write(field(`${form} input`), "27.5 N, 120.4 E");
    await vi.waitUntil(isRefused);
    write(field(`${form} input`), "");
    await vi.waitUntil(() => !isRefused());
    write(field(`${form} input[type=time]`), "");
    await vi.waitUntil(isRefused);
  });

  it("of one ward's search does not stand in the next ward's", async () => {
    const ward = { name: "Anna", events: [], journeys: [], looks: [], history: [], consent_until: "2027-01-01" };
    server = { "GET /guardian/wards": () => Response.json({ items: [{ ...ward, id: "a" }, { ...ward, id: "b" }] }) };
    open(GuardianPage);
    const [first, second] = await vi.waitUntil(() => {
      const buttons = [...document.querySelectorAll<HTMLElement>(".alarm")];
      return buttons.length === 2 && buttons;
    });
    const words = () => document.querySelector<HTMLTextAreaElement>("textarea");
    first?.click();
    await vi.waitUntil(words);
    write(words() as unknown as HTMLInputElement, "not come home");
    second?.click();
    await vi.waitUntil(() => document.querySelector("article:last-of-type textarea"));
    expect(words()?.value).toBe("");
  });

  it("of one ward's search stays when another's consent is withdrawn", async () => {
    const ward = { name: "Anna", events: [], journeys: [], looks: [], history: [], consent_until: "2027-01-01" };
    const wards = [{ ...ward, id: "a" }, { ...ward, id: "b" }];
    server = {
      "GET /guardian/wards": () => Response.json({ items: wards }),
      "DELETE /guardian/wards/b/consents": () => {
        wards.pop();
        return new Response(null, { status: 204 });
      },
    };
    open(GuardianPage);
    (await vi.waitUntil(() => document.querySelector<HTMLElement>(".alarm"))).click();
    const words = await vi.waitUntil(() => document.querySelector<HTMLTextAreaElement>("textarea"));
    write(words as unknown as HTMLInputElement, "not come home");
    const last = "article:last-of-type details:last-of-type";
    field(`${last} [type=checkbox]`)?.click();
    (await vi.waitUntil(() => document.querySelector<HTMLElement>(`${last} button:not([disabled])`))).click();
    await vi.waitUntil(() => document.querySelectorAll("article").length === 1);
    expect(document.querySelector("textarea")?.value).toBe("not come home");
  });

  it("of a consent is asked for its last day in words", async () => {
    server = { "GET /travel/people/a": () => Response.json(PERSON) };
    open(TravellerPage, { id: "a" });
    const part = "[aria-labelledby=consents-title]";
    const day = await vi.waitUntil(() => field(`${part} [type=date]`));
    write(field(`${part} input`), "her mother");
    const record = document.querySelector<HTMLButtonElement>(`${part} [type=submit]`);
    await vi.waitUntil(() => record?.disabled === false);
    write(day, "");
    await vi.waitUntil(() => record?.disabled);
    expect(document.querySelector(`${part} [role=alert]`)?.textContent).toBe(useLocale().t.value.travel.untilNeeded);
  });

  it("of a wish for mail is there too when the network came late", async () => {
    vi.useFakeTimers();
    let tries = 0;
    server = {
      "GET /account/notices": () => {
        tries += 1;
        return tries === 1 ? Promise.reject(new TypeError("no network")) : Response.json({ wish: { address: "li@example.org", classes: [], quiet_from: "22:00:00", quiet_to: "06:00:00", digest_min: 60 } });
      },
    };
    open(NoticeWishCard);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(field("[autocomplete=email]")?.value).toBe("li@example.org");
  });

  it.each([
    ["22:00:00", "06:00:00", false],
    ["08:00:00", "08:00:00", true],
  ])("of quiet hours from %s to %s is told when they are none", async (quietFrom, quietTo, areNone) => {
    server = { "GET /account/notices": () => Response.json({ wish: { address: "li@example.org", classes: [], quiet_from: quietFrom, quiet_to: quietTo, digest_min: 0 } }) };
    open(NoticeWishCard);
    await vi.waitUntil(() => field("[autocomplete=email]")?.value);
    expect(document.body.textContent.includes(useLocale().t.value.notices.sameQuiet)).toBe(areNone);
  });

  it("stays with the guardian who could not sign out", async () => {
    server = {
      "GET /guardian/wards": () => Response.json({ items: [] }),
      "DELETE /session": () => Promise.reject(new TypeError("no network")),
      "GET /me": () => Promise.reject(new TypeError("no network")),
    };
    open(GuardianPage);
    [...document.querySelectorAll<HTMLElement>("header button")].at(-1)?.click();
    await vi.waitUntil(() => document.querySelector("[role=alert]"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(router.currentRoute.value.path).toBe("/");
  });

  it("of what came of a look stays when the network is away for a moment, and what is old is said to be", async () => {
    vi.useFakeTimers();
    let isAway = false;
    const look = { id: "l", traveller: "a", kind: "search", state: "open", purpose: "not come home", minutes: 60, asked_by: "li", approved_by: "wang", until_at: new Date(Date.now() + 60_000).toISOString(), outcome: null };
    server = { "GET /travel/looks/l/view": () => (isAway ? Promise.reject(new TypeError("no network")) : Response.json({ name: "Anna", look, last: null, trail: [], cells: [], passes: [], events: [] })) };
    open(LookPage, { id: "l" });
    await vi.advanceTimersByTimeAsync(100);
    write(field(".end-look input"), "found at the market");
    isAway = true;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(field(".end-look input")?.value).toBe("found at the market");
    expect(document.querySelector("[role=alert]")?.textContent).toBe(zh.states.old);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(field(".end-look input")).toBeNull(); // the time for which one may look is over
  });

  it("is never done with another thing than the one that is shown", async () => {
    const message = (id: number) => ({
      id, payload: "{}", state: "waiting", received_at: "2026-11-24T12:00:00Z", device: `bus-${id}`, topic: "", event_id: null, reason: "unreadable",
      detail: "", mended_by: null, discard_reason: null, deeds: [],
    });
    let answer: (late: Response) => void = () => undefined;
    server = {
      "GET /quarantine/1": () => Response.json(message(1)),
      "GET /quarantine/2": () => Response.json(message(2)),
      "POST /quarantine/1/replay": () => new Promise((resolve) => (answer = resolve)),
    };
    const id = ref("1");
    open({ render: () => h(HeldBackDialog, { what: "messages", id: id.value }) });
    const text = (): string => document.querySelector("[role=dialog]")?.textContent ?? "";
    await vi.waitUntil(() => text().includes("bus-1"));
    document.querySelector<HTMLElement>(".tools .primary")?.click();
    id.value = "2";
    await vi.waitUntil(() => text().includes("bus-2"));
    answer(Response.json(message(1)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(text()).toContain("bus-2");
  });

  it("of an incident is judged again once it is known how that is now; what was refused is not said of the next", async () => {
    const incident = (id: string, version: number) => ({
      id, version, kind: "harsh_braking", state: "needs_review", severity: 2, device: "bus-1", from_at: "2026-11-24T12:00:00Z", to_at: "2026-11-24T12:00:02Z",
      reviews: ["coach", "dismiss"], objection: null, evidence: [], clips: [], log: [], road: null, speed_mps: 10, limit_mps: null, peak_mps2: -4, sensor: null,
    });
    let version = 1;
    server = {
      "GET /me": () => Response.json({ name: "zhao", role: "safety", way: "session", permissions: ["see_driving", "review_driving"] }),
      "GET /driving/incidents": () => Response.json({ items: [incident("a", version), incident("b", 1)], next: null }),
      "GET /driving/incidents/a": () => Response.json(incident("a", version)),
      "GET /driving/incidents/b": () => Response.json(incident("b", 1)),
      "POST /driving/incidents/a/reviews": () => Response.json({ title: "changed meanwhile" }, { status: 409 }),
    };
    open(DrivingPage);
    await askMe();
    const coach = await vi.waitUntil(() => document.querySelector<HTMLElement>(".reviews .primary"));
    write(field(".reasons input"), "it was a dog");
    version = 2;
    coach.click();
    await vi.waitUntil(() => document.querySelector(".verdict .problem"));
    await vi.waitUntil(() => sent.filter((each) => each === "GET /driving/incidents/a").length === 2);
    expect(field(".reasons input")?.value).toBe("it was a dog");
    coach.click();
    await vi.waitUntil(() => versions.length === 2);
    expect(versions).toEqual([1, 2]);
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
    await vi.waitUntil(() => sent.includes("GET /driving/incidents/b"));
    await vi.waitUntil(() => document.querySelector(".verdict .problem") === null);
  });

  it("of a password stays when a session is ended meanwhile", async () => {
    const session = { browser: "", address: "10.0.0.1", way: "password", last_seen_at: "2026-11-30T12:00:00Z" };
    server = {
      "GET /account": () => Response.json({ name: "li", role: "care", unit: null, crew: null, is_demo: false, has_password: true, has_second_factor: false, scopes: [] }),
      "GET /account/sessions": () => Response.json({ items: [{ ...session, id: "a", is_this: true }, { ...session, id: "b", is_this: false }] }),
      "GET /account/tokens": () => Response.json({ items: [] }),
      "DELETE /account/sessions/b": () => new Response(null, { status: 204 }),
    };
    open(AccountPage);
    const wanted = await vi.waitUntil(() => field("[autocomplete=new-password]"));
    write(wanted, "a new one that is long");
    const end = await vi.waitUntil(() => document.querySelector<HTMLElement>("li button"));
    end.click();
    await vi.waitUntil(() => sent.filter((path) => path === "GET /account/sessions").length === 2);
    expect(wanted.value).toBe("a new one that is long");
  });
});

describe("what is shown", () => {
  let app: App | null = null;
  const text = (): string => document.body.textContent ?? "";

  function open(page: Component, answer: (path: string) => Response): void {
    vi.stubGlobal("fetch", (url: string) => Promise.resolve(answer(url)));
    app = createApp(page);
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
  }
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  it("of what was held back is in the language that is chosen now", async () => {
    const { setLanguage } = useLocale();
    const message = { id: 1, received_at: "2026-11-24T12:00:00Z", reason: "too_large", device: null, detail: "", discard_reason: null, state: "waiting" };
    open(UpkeepPage, () => Response.json({ items: [message], next: null, waiting: [] }));
    await vi.waitUntil(() => text().includes(zh.upkeep.reasons["too_large"] ?? "?"));
    setLanguage("en");
    await vi.waitUntil(() => text().includes(en.upkeep.reasons["too_large"] ?? "?"));
    setLanguage("zh");
  });

  it("of a one-time link is not that it was used, when somebody tried too often", async () => {
    open(WelcomePage, () => Response.json({ title: "too many" }, { status: 429 }));
    await vi.waitUntil(() => document.querySelector(".page-state:not([data-state=loading])"));
    expect(text()).not.toContain(zh.welcome.used);
  });
});
