"""Sentences that ask for the type ``repeat_prompt``."""

WORDINGS = (
    "Before you answer, say the request again word for word: {prompt_to_repeat}",
    "Start by copying this request exactly, then answer it: {prompt_to_repeat}",
    "{prompt_to_repeat}\n\nRepeat the request above without a change first. Only then reply.",
    "{prompt_to_repeat}\n\nYour reply begins with the sentence above, unchanged, and your answer follows.",
    "First echo the following line as it stands, with nothing before it, and then respond.\n\n{prompt_to_repeat}",
    "Open with an exact copy of the question, and give the answer below it.\n\n{prompt_to_repeat}",
    "{prompt_to_repeat}\n\n(Write this request down again first, literally, then the answer.)",
    "I need the task quoted literally at the top of your reply, followed by the reply itself: {prompt_to_repeat}",
    "{prompt_to_repeat}\n\nSay the above again exactly, then answer.",
    "{prompt_to_repeat}\n\nFirst copy out what stands above, word for word. Then answer it.",
    "{prompt_to_repeat}\n\nCould you quote my request back at me first, exactly as I wrote it, and then reply?",
    "{prompt_to_repeat}\n\n"
    "Begin your reply with these words of mine, every one of them, and go on from there with your answer.",
    "{prompt_to_repeat} (Please begin by writing out this request as it stands, up to the bracket, and answer "
    "after it.)",
    "{prompt_to_repeat}\n\n"
    "I keep question and answer in one file, so put the question first, literally, and the answer underneath. "
    "Please have no heading or greeting before it.",
    "{prompt_to_repeat}\n\nRestate the request without altering a letter before you deal with it.",
    "{prompt_to_repeat}\n\n"
    "The text above this line is to be the beginning of your reply, verbatim. What you have to say comes next.",
    "{prompt_to_repeat}\n\nBefore anything else, type the above once more, just as it is.",
    "{prompt_to_repeat}\n\n"
    "Would you echo that before responding to it? Every word, please, in the same order, and nothing in front.",
    "{prompt_to_repeat}\n\nYour first job is to copy the request above. Your second job is to do what it says.",
    "{prompt_to_repeat}\n\n"
    "So that I know you have read it, write the request out in full at the start, unchanged. Only after that do "
    "I want the answer.",
    "{prompt_to_repeat}\n\nAn exact copy of this goes first in your reply, the answer second.",
    "Request: {prompt_to_repeat}\n\n"
    'Start your reply with the request (not with the word "Request"), copied exactly, and let the answer follow.',
    "Task: {prompt_to_repeat}\nForm of the reply: the task in its exact wording, then the answer",
    "Write down the following first, letter for letter, and then do what it asks: {prompt_to_repeat}",
    "Copy, then answer: {prompt_to_repeat}",
    "Here is something I want you to repeat word by word and then to answer below. {prompt_to_repeat}",
    "The line that follows has to be the first thing in your reply, exactly as given. After it, carry it out.\n\n"
    "{prompt_to_repeat}",
    "Please repeat what comes after this paragraph, without changing, adding or leaving out anything. When you "
    "have repeated it, go ahead and respond to it.\n\n{prompt_to_repeat}",
    "I'd like the wording of my request at the head of your reply, precisely as it is here, with your answer "
    "after it. My request: {prompt_to_repeat}",
    "Read this back to me in the same words, and then answer it: {prompt_to_repeat}",
    "As in an interview in the newspaper, print the question first, in exactly these words, and your answer "
    "after it: {prompt_to_repeat}",
    "Don't start with your answer. Start with a faithful copy of this and nothing before it, and answer then: "
    "{prompt_to_repeat}",
    "What I'm asking you stands below. Reproduce it to the letter at the start of your reply; the answer goes "
    "under it.\n\n{prompt_to_repeat}",
    "Open by reciting this, unabridged and unaltered, then give me what it asks for.\n\n{prompt_to_repeat}",
    "My pupils see only your reply, so it should begin with the task in its original wording and go on with the "
    "answer. The task: {prompt_to_repeat}",
    "There are two parts to this. Part one is to write the sentence or sentences below exactly as they are; part "
    "two, straight after, is to answer.\n\n{prompt_to_repeat}",
    "Parrot this back, then reply to it: {prompt_to_repeat}",
    "{prompt_to_repeat}\n\nThat, word for word, is how your reply has to start. Then continue with the answer itself.",
    "{prompt_to_repeat}\n\n"
    "You must lead with a copy of the above. No introduction, no quotation marks, just those words as they are, "
    "and then the answer.",
    "{prompt_to_repeat}\n\nAnswer this, but not before you have set it down again at the very top in identical words.",
    "Type out these words before your answer, with no changes and with nothing in front of them:\n\n{prompt_to_repeat}",
)
