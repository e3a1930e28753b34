"""Sentences that ask for the type ``letter_frequency``."""

WORDINGS = {
    "at least": (
        "The letter {letter} is to be seen at least {let_frequency:time}.",
        "Use the letter '{letter}' no fewer than {let_frequency:time}.",
        "I count letters: no fewer than {let_frequency} of the letter {letter}.",
        "Write so that '{letter}' occurs {let_frequency:time} at the minimum.",
        "{task} Include the letter {letter} {let_frequency:time} or more.",
        "There must be {let_frequency} or more of the letter '{letter}' in it.",
        "Let the letter {letter} come up {let_frequency:time} or more often.",
        "Choose words with '{letter}': the letter should be found {let_frequency:time} or more.",
        "Letter: {letter}. Minimum number of uses: {let_frequency}.",
        "How often should the letter {letter} turn up? As often as you wish, from {let_frequency:time} upwards.",
        "I'm testing a printer whose '{letter}' sometimes fails, so the text must hold that letter "
        "{let_frequency:time} or more.",
        '{task} By the way, my daughter is learning the letter "{letter}", so fit it in {let_frequency:time} or more.',
        'Make certain "{letter}" can be counted {let_frequency:time} or more in what you write; capital and '
        "small letters both count.",
        'Can you get the letter "{letter}" in there {let_frequency:time}, or even more?',
        "Plenty of the letter {letter}, please: {let_frequency} or above.",
        "With no fewer than {let_frequency:use} of the letter {letter}: {task}",
        "If somebody were to underline every '{letter}' in your answer, there should be no fewer than "
        "{let_frequency} of them underlined. It makes no difference whether the letter is a capital or not.",
        'Task: {task}\nCondition: the letter "{letter}" occurs {let_frequency:time} or more',
        "Work the letter '{letter}' into your words until you have had it {let_frequency:time} or more.",
        "The answer must not be short of the letter {letter}; I need a minimum of {let_frequency}.",
        'Anything with fewer than {let_frequency} of the letter "{letter}" does not count.',
    ),
    "less than": (
        "The letter {letter} is to be seen less than {let_frequency:time}.",
        "Use the letter '{letter}' fewer than {let_frequency:time}.",
        "I count letters: under {let_frequency} of the letter {letter}.",
        "Write so that '{letter}' occurs less than {let_frequency:time}.",
        "{task} Keep the letter {letter} below {let_frequency:occurrence}.",
        "The number of times you use the letter '{letter}' must stay under {let_frequency}.",
        "Do not let the letter {letter} come up {let_frequency:time} or more.",
        "Choose words without '{letter}': the letter should be found fewer than {let_frequency:time}.",
        "Letter: {letter}. Number of uses: under {let_frequency}.",
        'Can you keep the letter "{letter}" to fewer than {let_frequency:appearance}?',
        "The '{letter}' on my keyboard sticks, so I'd be glad if the letter came up less than {let_frequency:time}.",
        "{task} Spare me the letter {letter}, though: under {let_frequency:use} in all.",
        'Be sparing with "{letter}"; there must be fewer than {let_frequency} of that letter, capital or small.',
        "Not too many of the letter {letter}, please. Less than {let_frequency}, to be exact.",
        "With fewer than {let_frequency} of the letter '{letter}' in the whole answer: {task}",
        'If somebody circled each "{letter}" in your text, whether a capital or not, there ought to be fewer '
        "than {let_frequency:circle} on the page. Pick other words where you have to.",
        'Question: {task}\nCondition: the letter "{letter}" is used less than {let_frequency:time}',
        "It's a word game. Once '{letter}' has turned up {let_frequency:time} you have lost, so stay below that.",
        "Avoid words with {letter} where you can; the letter's total should be smaller than {let_frequency}.",
        'Would you mind rationing the letter "{letter}"? I\'d like to count under {let_frequency}.',
        "As for the letter {letter}, I shall put up with it as long as it appears fewer than {let_frequency:time}.",
    ),
}
