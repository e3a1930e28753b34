"""Sentences that ask for the type ``constrained_response``."""

WORDINGS = (
    "These are the choices, one of which is your reply: My answer is no. My answer is yes. My answer is maybe.",
    "Choose exactly one: 'My answer is maybe.', 'My answer is no.', 'My answer is yes.'",
    "You may only say 'My answer is no.' or 'My answer is yes.' or 'My answer is maybe.'",
    "Pick a single sentence out of (My answer is maybe. / My answer is no. / My answer is yes.).",
    "{task} Permitted replies: My answer is no. My answer is yes. My answer is maybe.",
    "Nothing but 'My answer is maybe.', 'My answer is no.' or 'My answer is yes.' will do.",
    "Say either My answer is no. or My answer is yes. or My answer is maybe.",
    "Decide, and write one of the three: My answer is maybe. My answer is no. My answer is yes.",
    "No, yes or maybe? Reply with 'My answer is no.', 'My answer is yes.' or 'My answer is maybe.'",
    '{task} Reply with one of these and add nothing: "My answer is maybe." / "My answer is no." / "My answer is yes."',
    "{task}\n\nOptions:\n- My answer is no.\n- My answer is yes.\n- My answer is maybe.",
    "{task} Tell me in one of three ways. My answer is maybe. My answer is no. My answer is yes.",
    'Reply to this with "My answer is no.", "My answer is yes." or "My answer is maybe.", whichever is right: {task}',
    "Question: {task}\nYour reply, one of the three: My answer is no. | My answer is yes. | My answer is maybe.",
    "A) My answer is yes. B) My answer is no. C) My answer is maybe. Write out the sentence you choose, not its "
    "letter.",
    'Could you settle this with one sentence? It has to be "My answer is yes." or else "My answer is no." or, if '
    'it can\'t be settled, "My answer is maybe."',
    "Don't explain yourself. All I want to read is 'My answer is yes.' or 'My answer is no.' or 'My answer is maybe.'",
    'My form takes three replies: "My answer is yes.", "My answer is maybe.", "My answer is no." Copy out the '
    "one that fits, full stop included.",
    "Keep it simple: My answer is maybe., My answer is no., or My answer is yes. One of those, word for word.",
    "The reply has to be, letter for letter, one out of this list: (My answer is no.) (My answer is yes.) (My "
    "answer is maybe.)",
    'If it\'s true, say "My answer is yes." If it isn\'t, say "My answer is no." If that depends, say "My answer '
    'is maybe."',
    "I'll be filtering the replies by machine, and it knows only these: 'My answer is maybe.', 'My answer is "
    "no.', 'My answer is yes.'",
    "This is a poll. You vote by writing one of the following, exactly as it stands here, with the full stop:\n"
    "My answer is maybe.\nMy answer is no.\nMy answer is yes.",
    'What do you say: "My answer is no.", "My answer is yes." or "My answer is maybe."?',
    "No discussion, please. Out of 'My answer is no.', 'My answer is yes.' and 'My answer is maybe.', write the "
    "one you mean.",
    "I need you to commit yourself to one of three sentences, namely My answer is maybe. My answer is no. My "
    "answer is yes.",
    "Respond by picking a line from below.\nMy answer is no.\nMy answer is yes.\nMy answer is maybe.",
    "The only sentences I accept are these: My answer is no. My answer is yes. My answer is maybe. Take your pick.",
    'Your whole reply is one sentence, and I\'ve written it for you in three versions: "My answer is maybe." "My '
    'answer is no." "My answer is yes."',
    'Yes is to be put as "My answer is yes.", no as "My answer is no.", and anything in between as "My answer is '
    'maybe."',
    'Please just write "My answer is yes." or "My answer is no." here; "My answer is maybe." is there for those '
    "who can't decide.",
    "Multiple choice, with three possible replies. Give one of them in full. (1) My answer is no. (2) My answer "
    "is yes. (3) My answer is maybe.",
    'For the jury\'s records I need one of these three statements from you, without additions: "My answer is no." '
    '"My answer is yes." "My answer is maybe."',
    "I want to hear 'My answer is yes.' or 'My answer is no.' and nothing woollier than 'My answer is maybe.'",
    "Which is it? My answer is maybe. My answer is no. My answer is yes. (Repeat the right one.)",
    "Make your choice among 'My answer is no.', 'My answer is yes.', and 'My answer is maybe.', and write it "
    "down just like that.",
    'In one of these words, please: "My answer is yes.", "My answer is maybe.", "My answer is no." Here is what '
    "I'd like to know. {task}",
    "You can reply in three ways only. These are: My answer is no. My answer is yes. My answer is maybe.",
    'A short reply will do, and it\'s ready made. Use "My answer is yes." to agree, "My answer is no." to '
    'disagree and "My answer is maybe." if you\'re not sure.',
    'Reply format: "My answer is X.", with yes, no or maybe for X.',
    'State your view by means of the sentence "My answer is ...", completed by yes, no or maybe and a full stop.',
)
