/** Texts of the public notice: what is collected on the roads, and what is done so that nobody is known by it. */

import { counted } from "../counted";

export const noticeZh = {
  notice: {
    title: "信息收集告知",
    link: "我们在道路上收集什么",
    who: (city: string) => `本系统由 ${city} 的城市运行中心使用，用公交车发现道路和设施的损坏。`,
    collectedTitle: "收集什么",
    collected: [
      "公交车前方道路的照片，只在发现损坏时保存；城市如有设置，急刹车等驾驶事件前后十秒的小幅画面也会保存。",
      "有人维护公交车摄像头时，按请求拍摄的单张照片。",
      "公交车的位置和行驶数据。",
    ],
    protectedTitle: "如何保护",
    protected: [
      "人脸和车牌在车上就被遮盖，未遮盖的照片不离开车辆，也不写入车上的磁盘。",
      "不做人脸识别，不识别车牌，不跟踪行人和其他车辆。",
      "在党政机关、军事区等列入清单的地点附近不保存照片。",
    ],
    keptTitle: "保存多久",
    kept: {
      pictures: "照片",
      device_commands: "维护摄像头时的照片",
      track_points: "公交车的轨迹",
      driving_events: "驾驶事件",
      driving_incidents: "驾驶事件的复核",
      driver_shifts: "驾驶员的班次",
      driver_looks: "查看驾驶员的申请（结束后）",
      data_request_persons: "个人请求的内容（办结后）",
    } as Record<string, string>,
    days: (days: string) => `${days} 天`,
    forEver: "不限期",
    held: "未结案件和依法保全的内容保存到结束为止。",
    rightsTitle: "您的权利",
    rights: "您可以查询、更正或要求删除与您有关的信息。",
    contact: (contact: string) => `请联系：${contact}`,
    noContact: "请联系城市运行中心。",
  },
};

export const noticeEn: typeof noticeZh = {
  notice: {
    title: "What is collected",
    link: "What we collect on the roads",
    who: (city: string) => `The operations center of ${city} uses this system to find damaged roads and street furniture from its buses.`,
    collectedTitle: "Collected",
    collected: [
      "Pictures of the road ahead of a bus, kept only where damage is found; and, where the city has set so, ten seconds of small pictures around a driving event such as hard braking.",
      "Single pictures on request, when somebody looks after a bus's camera.",
      "Where the bus is, and how it is driven.",
    ],
    protectedTitle: "Protected",
    protected: [
      "Faces and number plates are covered on board. A picture that is not covered never leaves the bus and is not written to its disk.",
      "No face is recognised, no plate is read, nobody on foot and no other vehicle is followed.",
      "Near the places of a list, such as seats of government and military ground, no picture is kept.",
    ],
    keptTitle: "Kept for",
    kept: {
      pictures: "Pictures",
      device_commands: "Pictures from looking after a camera",
      track_points: "Where buses were",
      driving_events: "Events of driving",
      driving_incidents: "Reviews of driving events",
      driver_shifts: "Shifts of drivers",
      driver_looks: "Looks at drivers (after they ended)",
      data_request_persons: "What people asked (after closing)",
    },
    days: (days: string) => counted(days, "day"),
    forEver: "Without limit",
    held: "What belongs to an open case, or is held by law, is kept until that ends.",
    rightsTitle: "Your rights",
    rights: "You may ask what is known of you, have it corrected, or have it erased.",
    contact: (contact: string) => `Please turn to: ${contact}`,
    noContact: "Please turn to the operations center.",
  },
};
