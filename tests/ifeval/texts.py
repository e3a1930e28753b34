"""Texts on which checkers differ if they differ at all: hypothesis strategies and hand-made edges."""

from hypothesis import strategies as st

WORDS = (
    "the a river River RIVER tide harbour harbourmaster separate rate banana ana rock rock's hard-rock rock_star "
    "don't DON'T I I'M NASA's U.S.A. COVID-19 A1 CANNOT x² ½ naïve café cafe\u0301 K İ ß ſ हिन्दी 今日 "
    "Dr. Mr. No. p.m. e.g. meanwhile Meanwhile Weekend weekend's 3.14 1,000 snake_case https://example.com a@b.de "
    "yes no hello and that with this was"
).split()
SENTENCES = (
    "The boats left the harbour before dawn.",
    "Nobody knew where the old lighthouse keeper had gone!",
    "Is this the way to the station?",
    "Der Zug fährt heute nicht nach Hamburg.",
    "El barco sale mañana por la mañana.",
    "Сегодня хорошая погода.",
    "今日は天気がいいです。",
    "THE WHOLE TOWN WAS WAITING FOR THE FERRY TO ARRIVE.",
    "everything in this sentence is written in lower case letters.",
    "“Stop.” Then he left.",
    "1. First item.",
    "My answer is yes.",
    "My answer is maybe.",
    "my answer is no.",
    "That is all I know.",
)
MARKS = (
    "* - ** *** **** ***** ****** ******* _ __ # > < << >> <<>> <<< >>> [ ] [] [name] [a [b] c] ``` ```json ```JSON "
    '{ } {"a": [1, 2]} null NaN , , . . ! ? " \' “ ” : ; ( ) P.S. P.P.S P.P.S. p.s. P. S. PS SECTION 1 SECTION 2 '
    "Section Day Day 1 1 2 3 4 10 ٣ -- --- • + — 🙂 ， 、 \u200b \ufeff"
).split(" ")
SPACES = (
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\n \n",
    "\r\n",
    "\r\n\r\n",
    "\t",
    "\xa0",
    "\u2028",
    "",
    "  ",
    "\n\n\n",
    "\x0b",
    "\x85",
)

piece = st.one_of(st.sampled_from(WORDS), st.sampled_from(SENTENCES), st.sampled_from(MARKS), st.text(max_size=4))
pieces = st.lists(st.tuples(piece, st.sampled_from(SPACES)), max_size=24)
texts = pieces.map(lambda parts: "".join(piece + space for piece, space in parts))

EDGES = (
    "",
    " \n\t ",
    "\u200b",
    "\ufeff",
    "12345",
    "!!!",
    "🙂",
    "---",
    "***",
    "a ***b*** c",
    "***a***",
    "a\n***\n***\nb",
    "a\n******\n******\nb",
    "a*******a",
    "a************b",
    "*****",
    "* a\n* b\n* c",
    "- a\n- b\n-5",
    "*\n* a\n* b",
    "*\n- a",
    "* **B**: t\n* **B2**: t",
    "***a***",
    "****a****",
    "*a**b*",
    "**a *b* c**",
    "* a * b",
    "<<>> <<a>>",
    "<< >> a >>",
    "<<>>",
    "<<<>>>",
    "cout << a >> b",
    "<<a\nb>>",
    "<<a\r\u2028b>>",
    "[a\nb]",
    "[[[a]",
    "[a\r\u2028b]",
    '""',
    '"',
    '"a" and "b"',
    "“a”",
    'x That is all I know." ',
    '"That is all I know."',
    'that is all i know. "',
    '```json\n{"a": 1}\n```',
    "```\n42\n```",
    "```json```{}```",
    "```jsonc\n{}\n```",
    "NaN",
    "1" * 5000,
    '{"a": 1,}',
    "Enjoy your trip. P.S. bye",
    "a nap. S. is",
    "P.S",
    "p.\ns.\n",
    "A\n\n\n\nWeekend",
    "\n\nWeekend days",
    'A\n\n"Weekend" B\n\nC',
    "A\n\n'\"Weekend B\n\nC",
    "A\n\nmeanwhile, B\n\nC",
    "A\n\nMeanwhile: B\n\nC",
    "SECTION 1\nSECTION 2\nSECTION 3",
    "**SECTION 1** XSECTION 2 SECTION3 SECTION  4 SECTION ٥",
    "JOE@EXAMPLE.COM",
    "https://example.com",
    "ª",
    "OK",
    "hello",
    "DON'T STOP, I'M HERE",
    "One.Two.Three.",
    "1. First item.\n2. Second item.\n3. Third item.",
    "English text that is long enough to be told.\n🙂",
    "line one is here\n---\nline three is here",
)
