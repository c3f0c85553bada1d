/** Texts of what people say of findings. */

export const decisionsZh = {
  decisions: {
    title: "人工判断",
    hint: "合并、拆分与区分，后续识别会遵守",
    empty: "还没有人工判断",
    other: "另一处病害",
    open: "查看合并后的病害",
    partOf: "本病害已并入另一处。",
    said: "已记录，几秒内生效",
    which: "附近的病害",
    whichSightings: "哪几次见到的是另一处",
    near: (count: string, className: string, distance: string) => `60 米内还有 ${count} 处病害，最近的是${className}，相距 ${distance}`,
    takenBack: (actor: string, at: string) => `${actor} 于 ${at} 撤销：`,
    names: { merge: "合并为同一处", different: "不是同一处", split: "拆分为两处", undo: "撤销判断" },
    was: { merge: "判为同一处", different: "判为不同病害", split: "判为两处" },
    explain: {
      merge: "两处其实是同一个病害：证据合在一起，案件归为一件。",
      different: "两处虽近，却是不同的病害：以后不会被合并。",
      split: "选出属于另一处病害的那几次，其余的留在本处。",
      undo: "判断保留在记录中，但不再生效。",
    },
  },
};

export const decisionsEn: typeof decisionsZh = {
  decisions: {
    title: "Said by people",
    hint: "Same, different or two: later passes keep to it",
    empty: "Nobody has said anything yet",
    other: "the other finding",
    open: "Open the finding it is part of",
    partOf: "This finding became part of another.",
    said: "Noted; it takes effect within seconds",
    which: "Finding near",
    whichSightings: "Which sightings are of another thing",
    near: (count, className, distance) => `${count} more within 60 m; the nearest is ${className}, ${distance} away`,
    takenBack: (actor, at) => `Taken back by ${actor}, ${at}:`,
    names: { merge: "Same thing", different: "Not the same", split: "These are two", undo: "Take back" },
    was: { merge: "Same thing as", different: "Not the same as", split: "Two things" },
    explain: {
      merge: "Both are one damage: the evidence is put together, and there is one case.",
      different: "They are near, but two things: they will never be taken for one.",
      split: "Choose the sightings of the other thing; the rest stay here.",
      undo: "It stays in the record, but counts no longer.",
    },
  },
};
