"""Sentences that ask for the type ``nth_paragraph_first_word``."""

WORDINGS = (
    "Write {num_paragraphs:paragraph} with a blank line between them. Paragraph {nth_paragraph} must start with "
    "the word {first_word}.",
    "There should be {num_paragraphs:paragraph}, separated by two line breaks and nothing else. Begin number "
    "{nth_paragraph} with '{first_word}'.",
    "Part {num_paragraphs:paragraph} by empty lines; the first word in number {nth_paragraph} is {first_word}.",
    "{task} Make it {num_paragraphs:paragraph} (blank lines between), and let paragraph {nth_paragraph} open "
    "with '{first_word}'.",
    "I need {num_paragraphs:paragraph}. Leave an empty line after each but the last. '{first_word}' is how "
    "paragraph {nth_paragraph} has to begin.",
    "Split it into {num_paragraphs:paragraph} by blank lines, number {nth_paragraph} starting with {first_word}.",
    "Give {num_paragraphs:paragraph}, with '{first_word}' as the opening word of paragraph {nth_paragraph}. Only "
    "blank lines divide them.",
    "Layout: {num_paragraphs:paragraph}, blank lines between, with {first_word} first in number {nth_paragraph}.",
    "Paragraphs: {num_paragraphs}, with blank lines between them. First word of paragraph {nth_paragraph}: "
    "{first_word}.",
    "Exactly {num_paragraphs:paragraph}, an empty line after each except the last; the {nth_paragraph:ordinal} "
    'opens with the word "{first_word}".',
    "Could you do it in {num_paragraphs:paragraph}, with a blank line between neighbours, and have the "
    '{nth_paragraph:ordinal} one begin with "{first_word}"?',
    "{task} I'd like {num_paragraphs:paragraph} with blank lines in between, the {nth_paragraph:ordinal} "
    "starting with {first_word}.",
    "{task} Two things about the layout: there should be {num_paragraphs:paragraph}, separated by empty lines, "
    "and the {nth_paragraph:ordinal} paragraph must have '{first_word}' as its first word.",
    'In {num_paragraphs:paragraph} (leave a line blank between them), with "{first_word}" at the start of the '
    "{nth_paragraph:ordinal}: {task}",
    "Brief: {task}\nParagraphs: {num_paragraphs}, divided by blank lines\n"
    "Paragraph {nth_paragraph} starts with: {first_word}",
    "My teacher wants {num_paragraphs:paragraph} with a gap of one empty line between any two. She also wants "
    "the {nth_paragraph:ordinal} to start with '{first_word}', goodness knows why.",
    "Leave a blank line whenever you start a new paragraph, and stop when there are {num_paragraphs} of them. In "
    "the {nth_paragraph:ordinal}, the opening word is to be {first_word}.",
    '"{first_word}" comes first of all in the {nth_paragraph:ordinal} paragraph. Altogether I need '
    "{num_paragraphs:paragraph}; a blank line is all that separates them.",
    "Please keep to {num_paragraphs:paragraph}. Press return twice between them, and don't use headings. When "
    "you get to the {nth_paragraph:ordinal}, begin it with the word '{first_word}'.",
    "How many paragraphs? Precisely {num_paragraphs}, parted by blank lines. And the {nth_paragraph:ordinal} of "
    "these? It starts with {first_word}.",
    "The text is to fall into {num_paragraphs:paragraph} by way of empty lines, the {nth_paragraph:ordinal} of "
    'them beginning "{first_word} ...".',
    "Begin the {nth_paragraph:ordinal} paragraph with the word {first_word}; the total number of paragraphs, "
    "which are set apart by blank lines, is {num_paragraphs}.",
    "No more and no fewer than {num_paragraphs:paragraph}. Separate them with an empty line, and see to it that "
    'number {nth_paragraph} has "{first_word}" in first place.',
    "I split your text at every blank line and expect to find {num_paragraphs:paragraph}. I then look at the "
    "first word of number {nth_paragraph}, which had better be {first_word}.",
    "Would you set it out as {num_paragraphs:paragraph}, blank lines between, please? And start the "
    "{nth_paragraph:ordinal} with {first_word}.",
    "It's a sort of game: you write {num_paragraphs:paragraph}, with a blank line after each but the last, and "
    'the {nth_paragraph:ordinal} has to start with the word "{first_word}".',
    "Let there be {num_paragraphs:paragraph} with one empty line between one and the next. Where the "
    "{nth_paragraph:ordinal} begins, I want to read {first_word}.",
    "Structure: {num_paragraphs:paragraph}; separator: a blank line; opening word of the {nth_paragraph:ordinal} "
    "paragraph: {first_word}.",
    "Make it {num_paragraphs:paragraph}. The {nth_paragraph:ordinal} kicks off with '{first_word}', and an empty "
    "line goes between paragraphs.",
    "A request about form: the word '{first_word}' has to come first in paragraph {nth_paragraph}, out of "
    "{num_paragraphs} in all, with blank lines to show where each ends.",
    "Divide what you write into {num_paragraphs:paragraph} with a double line break. The {nth_paragraph:ordinal} "
    'of these paragraphs must open with "{first_word}", in capitals or not.',
    "You'll need {num_paragraphs:paragraph} for this, divided by double line breaks. Word one of paragraph "
    "{nth_paragraph} is fixed: {first_word}.",
    "For the {nth_paragraph:ordinal} paragraph I have already chosen the first word, namely {first_word}. The "
    "rest is up to you, as long as you write {num_paragraphs:paragraph} and separate them by blank lines.",
    "Here is the task. {task} Answer it in {num_paragraphs:paragraph} with blank lines between them, and start "
    "the {nth_paragraph:ordinal} with the word {first_word}.",
    "Write exactly {num_paragraphs:paragraph}, skipping a line between them. Paragraph {nth_paragraph} needs "
    '"{first_word}" as its very first word, without anything before it.',
    "What I get back should be {num_paragraphs:paragraph}, neither more nor fewer, as told by the empty lines. "
    "See that the {nth_paragraph:ordinal} leads with {first_word}.",
    "Arrange the text as {num_paragraphs:paragraph} (skip a line to begin a new one), and '{first_word}' is how "
    "the {nth_paragraph:ordinal} of them begins.",
    "Please arrange the answer in {num_paragraphs:block} of text, that is, paragraphs with an empty line in "
    "between. Block {nth_paragraph} is to start with the word {first_word}.",
    "{num_paragraphs:paragraph}, blank lines between; number {nth_paragraph} begins with '{first_word}'.",
    'Put "{first_word}" at the head of the {nth_paragraph:ordinal} paragraph. In total, write '
    "{num_paragraphs:paragraph}, and leave one line empty between each and the next.",
    "The printer needs exactly {num_paragraphs:paragraph} parted by one empty line each, and a big decorated "
    "initial on the {nth_paragraph:ordinal}, whose first word must therefore be {first_word}.",
)
