"""Sentences to train small tokenizers on, and texts to try them with."""

SENTENCES = [
    "The river runs past the old mill, and the miller's daughter can't see it.",
    "They've found that we'll never know what I'm told; she'd rather not.",
    "In 2024 there were 1,234 rivers and 56 mills in the old country.",
    "A student of the river sold the mill and found another one in the country.",
    "Never was the river so old, and never was the student so young.",
] * 3

TEXTS = [
    "",
    " ",
    "   ",
    "The river runs.",
    " The river  runs   past ",
    "the\triver\nruns\r\npast\n\nthe  \n mill",
    "It's, it'S, can't CAN'T they've THEY'VE we'll i'm she'd you're ''s 'x 'r ' s'",
    "it\u2019s the miller\u2019s",
    "a\u00a0b \u00a0c\u3000d\u2028e\u0085f\u180eg\u200bh\ufeffi \u3000 j",
    "abc123def 456ghi7 1,234.5 \u00b2\u00bd\u2167\u0663",
    "snake_case __init__ x==y!? ... \u2026",
    "e\u0301 \u00e9 n\u0303o a\u0300\u0301b \u0915\u093f",
    "\U0001f469\u200d\U0001f680 \U0001f642\U0001f3fd ok\U0001f642",
    "\u6f22\u5b57 \u304b\u306a \ud55c\uae00 \u0440\u0435\u043a\u0430",
    "\U0002ebf0\u1c89\U000323b0\U00010d4a\U00010d40",
    "a\u0000b\u0008c\u007fd\u00ade\ue000f\U0010ffff",
    "<s> the <mask> river </s></s> <pad><unk> <|endoftext|>x <mask>\t <mask>",
    "the   <mask>  old<mask>",
    "river" * 40,
    "".join(map(chr, range(256))),
]
