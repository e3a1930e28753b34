"""Sentences that ask for the type ``capital_word_frequency``."""

WORDINGS = {
    "at least": (
        "Put {capital_frequency:word} or more in all capital letters.",
        "I want to see {capital_frequency} or more words written entirely in capitals.",
        "For emphasis, capitalise every letter of {capital_frequency:word} at the least.",
        "Words in ALL CAPS should occur {capital_frequency:time} or more.",
        "Stress what matters by writing no fewer than {capital_frequency:word} in capitals.",
        "{task} Shout a little: {capital_frequency} or more words in full capitals, please.",
        "A minimum of {capital_frequency:fully capitalised word} is required.",
        "Let {capital_frequency:word} or more stand in upper case from first letter to last.",
        "ALL-CAPS words: {capital_frequency} or more.",
        "Can you put {capital_frequency:word} or more in CAPITALS?",
        "{task} Use capitals for emphasis, LIKE THIS, on {capital_frequency:word} or more.",
        "I read without my glasses, so write the words that matter in BLOCK LETTERS, {capital_frequency} of them "
        "or more.",
        "With {capital_frequency:word} or more in capital letters: {task}",
        "Task: {task}\nWords in full capitals: {capital_frequency} or more",
        "No fewer than {capital_frequency} of your words should be all capitals, like THESE.",
        "Raise your voice in {capital_frequency:place} or more. By that I mean a word such as NEVER or NOW, in "
        "nothing but capital letters.",
        "Where you would stress a word in speech, type it in CAPITALS. Do this for {capital_frequency:word} or more.",
        "If I count the words typed entirely in capitals, I want to get to {capital_frequency} or higher.",
        "I'd like some shouting, with {capital_frequency:word} or more in CAPITALS.",
        "How many words in capitals? From {capital_frequency} upwards. What do they look like? LIKE THAT.",
        "The poster needs some words in full CAPS. Pick {capital_frequency} or more for this.",
        "Please see that {capital_frequency} or more words are in upper case throughout; abbreviations like BBC "
        "count too.",
    ),
    "less than": (
        "Fewer than {capital_frequency:word} may be in all capitals.",
        "Keep words in ALL CAPS below {capital_frequency}.",
        "Go easy on capitals: less than {capital_frequency:word} written entirely in upper case.",
        "Do not let {capital_frequency} or more words appear fully capitalised.",
        "The number of words in full capitals has to stay under {capital_frequency}.",
        "{task} (Under {capital_frequency:all-caps word}, please.)",
        "No shouting, so words in capitals only should number less than {capital_frequency}.",
        "I will accept words in block capitals as long as there are fewer than {capital_frequency}.",
        "ALL-CAPS words: fewer than {capital_frequency}.",
        "Can you keep it to less than {capital_frequency:word} in CAPITALS?",
        "{task} Please don't shout; there should be fewer than {capital_frequency:word} in capital letters.",
        "Capitals tire my eyes, so words made up of them alone should come to less than {capital_frequency}.",
        "With under {capital_frequency:word} in full capitals: {task}",
        "Task: {task}\nWords in full capitals: under {capital_frequency}",
        "Mind the caps lock key. Words in nothing but capitals, LIKE THIS, must number fewer than "
        '{capital_frequency}; abbreviations and the word "I" are among them.',
        "If I count the words typed entirely in capitals, I must not get as far as {capital_frequency}.",
        "You may raise your voice now and then by putting a word in CAPITALS, but do so fewer than "
        "{capital_frequency:time}.",
        "How many words in capitals do I allow? Less than {capital_frequency}.",
        "Our readers find block capitals rude. Hold them down to under {capital_frequency:word}, acronyms included.",
        "Use the occasional capitalised WORD if you must, as long as there are not {capital_frequency} or more.",
        "Less than {capital_frequency} of your words should be in upper case from beginning to end.",
        "I'd like the text to be calm, which is to say with fewer than {capital_frequency:word} in all capitals.",
    ),
}
