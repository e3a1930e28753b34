"""Sentences that ask for the type ``response_language``."""

WORDINGS = (
    "Give the answer in {language} alone.",
    "Your whole reply must be in {language}.",
    "Write it in {language}; no other language is allowed.",
    "I read {language} only.",
    "In {language}, please: {task}",
    "{task} Use {language} from the first word to the last.",
    "The reader speaks {language}, so use nothing else.",
    "Respond entirely in {language}.",
    "All of it in {language}.",
    "Answer in {language}, please.",
    "Could you write that in {language}?",
    "{task} (Reply in {language}, please, though I ask in English.)",
    "My grandmother will read this, and she knows nothing but {language}. Please write every word of it in that "
    "language.",
    "{task} The text should be in {language} throughout.",
    "Although my question is in English, I need the answer in {language}.",
    "Language: {language}.",
    "Task: {task}\nLanguage of the answer: {language}",
    "I'm learning {language}, so let me have your answer in it, without a word of English in between.",
    "Not in English, please, but wholly in {language}.",
    "Please do the following in {language}. {task}",
    "No English this time: say all of it in {language}.",
    "We shall print this for readers of {language}, so the complete text, from the first line to the last, has "
    "to be in their language.",
    "Only {language} will be understood here.",
    "Stick to {language} in everything you write.",
    "What would you say to this in {language}? {task}",
)
