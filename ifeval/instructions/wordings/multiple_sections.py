"""Sentences that ask for the type ``multiple_sections``."""

WORDINGS = (
    "Divide it into {num_sections:part}, the beginning of each marked {section_spliter} X, where X is its number.",
    "Structure the text in {num_sections:section} headed {section_spliter} 1 and so on.",
    "Use {num_sections:heading} of the form {section_spliter} 1, each with some text below.",
    "I would like {num_sections:section}. Start each with {section_spliter} and its number.",
    "{task} Arrange it as {section_spliter} 1 up to {section_spliter} {num_sections}.",
    "There should be {num_sections:section}, every one introduced as {section_spliter} plus number.",
    "Break the answer up: {num_sections:portion}, labelled {section_spliter} 1, 2 and so on.",
    "Number the {num_sections:section} like this: {section_spliter} 1, and carry on.",
    'Sections: {num_sections}. Label each one "{section_spliter}" with a number.',
    "In {num_sections:section}, please: {section_spliter} 1, {section_spliter} 2 and so forth.",
    "Could you split it into {num_sections:section} and call them {section_spliter} 1 and so on?",
    "{task} I'd like that in {num_sections:section}, each under a heading made of the word {section_spliter} and "
    "its number.",
    '{task} Give it {num_sections:section}. The first is headed "{section_spliter} 1", and the numbers go up '
    "from there.",
    'In {num_sections:section} labelled "{section_spliter}" and numbered from 1: {task}',
    "Task: {task}\nLayout: {num_sections:section}, headed {section_spliter} 1, {section_spliter} 2, ...",
    'Before each section, write "{section_spliter}" and the section\'s number. I expect {num_sections:section}.',
    "The word {section_spliter} followed by a number opens every section, and {num_sections} is how many "
    "sections I want.",
    "My binder has {num_sections:divider}, so the text should have just as many sections. Mark where one starts "
    "with the word {section_spliter}, spelt like that, and its number.",
    "How is the text divided? Into {num_sections:section}. How do I know where a section starts? By the label "
    "{section_spliter} and a number.",
    "Please set it out under {num_sections:numbered heading}, the first being:\n{section_spliter} 1",
    'Each section should be announced by a line such as "{section_spliter} 1". Carry on counting till there have '
    "been {num_sections:section}, and put some text under every heading.",
    "Write it as {num_sections:section}, introducing each as {section_spliter} 1, {section_spliter} 2, "
    "{section_spliter} 3, as far as is needed.",
    'I like things in order: {num_sections:section}, and at the top of each the word "{section_spliter}" with '
    "its number.",
    'The text must have {num_sections:section} that I can find by searching for "{section_spliter}" and a digit.',
    'Chop the whole into {num_sections:chunk}, and start each chunk with "{section_spliter}", a space and the '
    "number in figures.",
    "Organise your material in {num_sections:section}. On top of the first write {section_spliter} 1, and "
    "continue in the same manner.",
    'Would you kindly arrange this in {num_sections:section}, with "{section_spliter} 1" above the first and the '
    "rest numbered likewise?",
    "There need to be headings, {num_sections} in number, and they should read {section_spliter} 1, "
    "{section_spliter} 2, etc.",
    '"{section_spliter} 1" is to be the first heading of {num_sections}. I leave to you what goes under them.',
    "For our handbook I need {num_sections:section}. We don't give sections names; they are simply known as "
    "{section_spliter} 1, {section_spliter} 2 and so on, so please begin each of them that way.",
    "Structure matters to me. Use {num_sections:section}, and let every section begin with the label "
    "{section_spliter} and a running number.",
    'Don\'t write it all in one go: divide it into {num_sections:section}, headed "{section_spliter}" plus 1, 2 '
    "and the like.",
    'Format: {num_sections} x "{section_spliter} N", where N is the number of the section, with the text of the '
    "section below.",
    "Here's my request. {task} Please structure it as {num_sections:section}, beginning each with "
    "{section_spliter} and a numeral.",
    "Sort what you have to say into {num_sections:section} and head every section with the word "
    '{section_spliter} (in this spelling) and its number, for instance "{section_spliter} 1".',
    "The headings should be {section_spliter} 1, {section_spliter} 2 and on like that, until you have "
    "{num_sections:section}.",
    'I want to be able to say "look at {section_spliter} 1", so number your sections that way. Make '
    "{num_sections} of them.",
    "Text in {num_sections:section}, please, each with a heading like this one: {section_spliter} 1",
    'Number your sections with the word "{section_spliter}" in front of the number. In total, '
    "{num_sections:section} must come of it.",
    "Every section gets a label, {section_spliter} 1 for the first, and we need {num_sections:section} all told.",
    "Present the answer in {num_sections:section}; the word {section_spliter} and a number tell the reader where "
    "each of them starts.",
)
