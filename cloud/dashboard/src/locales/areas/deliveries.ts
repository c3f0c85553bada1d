/** Texts of the page of what left the system. */

export const deliveriesZh = {
  deliveries: {
    title: "通知投递",
    hint: "发往其他系统与人员的通知；重试约两天后仍失败的，在这里重新发送。",
    filter: "状态",
    states: { dead: "投递失败", waiting: "等待发送", sent: "已送达", all: "全部" },
    channels: { webhook: "接口", email: "邮件", chat: "企业聊天" },
    columns: { at: "产生时间", what: "事件", target: "发往", case: "案件", attempts: "次数", state: "状态", error: "最近一次错误" },
    next: (at: string) => `下次 ${at}`,
    sentAt: (at: string) => `送达 ${at}`,
    replay: "重新发送",
    replayAll: (count: string) => `全部重新发送（${count}）`,
    replayed: (count: string) => `已重新排队 ${count} 条`,
    empty: { dead: "没有失败的投递", waiting: "没有等待发送的通知", sent: "还没有送达的通知", all: "还没有任何通知" },
    emptyHint: "谁收到什么，由 notify.toml 决定。",
    more: "更多",
    openCase: "查看案件",
    link: "查看通知投递",
    linkHint: "接口、邮件与企业聊天通知的送达情况，失败的可重新发送",
  },
};

export const deliveriesEn: typeof deliveriesZh = {
  deliveries: {
    title: "Deliveries",
    hint: "What is sent to other systems and people; what still failed after two days of retries is sent again from here.",
    filter: "State",
    states: { dead: "Failed", waiting: "Waiting", sent: "Sent", all: "All" },
    channels: { webhook: "Webhook", email: "E-mail", chat: "Chat" },
    columns: { at: "Made", what: "Event", target: "To", case: "Case", attempts: "Tries", state: "State", error: "Last error" },
    next: (at) => `next ${at}`,
    sentAt: (at) => `sent ${at}`,
    replay: "Send again",
    replayAll: (count) => `Send all again (${count})`,
    replayed: (count) => `${count} queued again`,
    empty: { dead: "Nothing has failed", waiting: "Nothing is waiting", sent: "Nothing was sent yet", all: "Nothing was to be sent yet" },
    emptyHint: "Who is told of what is said in notify.toml.",
    more: "More",
    openCase: "Open the case",
    link: "Deliveries",
    linkHint: "What webhooks, e-mail and chat were told; what failed can be sent again",
  },
};
