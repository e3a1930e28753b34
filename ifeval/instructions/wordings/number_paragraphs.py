"""Sentences that ask for the type ``number_paragraphs``."""

WORDINGS = (
    "Write {num_paragraphs:paragraph}, divided by ***",
    "Use exactly {num_paragraphs:paragraph} with the markdown divider *** between them.",
    "There should be {num_paragraphs:paragraph}. Part them with ***",
    "Separate the {num_paragraphs:paragraph} of your answer by three asterisks: ***",
    "{task} Make it {num_paragraphs:paragraph}, with *** in between.",
    "I would like {num_paragraphs:paragraph}; the divider is ***",
    "Lay the text out as {num_paragraphs:paragraph} and put *** on a line of its own between any two.",
    "Your answer has {num_paragraphs:paragraph}, and three stars (***) between one and the next.",
    "Paragraphs: {num_paragraphs}. Divider: ***",
    "Exactly {num_paragraphs:paragraph}, please, and *** wherever one ends and another starts.",
    "Could you do that in {num_paragraphs:paragraph} with a row of three asterisks (***) as the divider?",
    "Three stars (***) mark each break, and there should be {num_paragraphs:paragraph} altogether.",
    "No more and no fewer than {num_paragraphs:paragraph}; between neighbours goes a line that reads ***",
    "I'd like this in {num_paragraphs:paragraph}. Use the asterisk divider, ***, whenever a new one begins, but "
    "not before the first or after the last.",
    "{task} Split your text into {num_paragraphs:paragraph} by means of ***",
    "{task} Make that {num_paragraphs:paragraph}, please. I'll be cutting it up by machine at every ***, so put "
    "that between paragraphs and nowhere else.",
    "In {num_paragraphs:paragraph}, separated by three asterisks (***): {task}",
    "Topic: {task}\nShape: {num_paragraphs:paragraph}, *** between them",
    "My blogging software starts a new paragraph at each *** it meets, and I need it to find "
    "{num_paragraphs:paragraph}. A blank line alone won't do the trick.",
    "How many paragraphs? Precisely {num_paragraphs}. How are they divided? By ***",
    "Whenever you move on to a new paragraph, type *** first. You should end up with {num_paragraphs:paragraph}.",
    "Call them scenes, stanzas or paragraphs, but write {num_paragraphs} of them and set three stars between any "
    "two: ***",
    "Compose precisely {num_paragraphs:paragraph} and set them off from each other with the line ***",
    "Write it the way novels show a pause, with *** between paragraphs. The total must be {num_paragraphs:paragraph}.",
    "Please give me {num_paragraphs:paragraph}, with a line of three asterisks separating them. It should look "
    "like this:\nFirst paragraph\n***\nNext paragraph",
    "Begin by planning {num_paragraphs:paragraph}. Then write them out, and type three asterisks in a row (***) "
    "each time you pass from one to another. No such row belongs above the first or below the last.",
    "The finished text should come apart into {num_paragraphs:piece} when I split it at ***",
    "{num_paragraphs:paragraph}, *** in between, that's all I ask.",
    "For the newsletter I need {num_paragraphs:paragraph} with the separator *** after each one but the last.",
    "Use *** as your paragraph break. Paragraph count: {num_paragraphs}.",
    "Don't just hit return for a new paragraph: type *** on its own line. There must be "
    "{num_paragraphs:paragraph} in total.",
    "Please organise what you say into exactly {num_paragraphs:paragraph}. The mark that tells me where each "
    "stops is ***",
    "Here is what I'd like you to do. {task} Keep to {num_paragraphs:paragraph}, and let the only thing between "
    "two paragraphs be ***",
    "Would you mind laying it out in {num_paragraphs:paragraph}? Put *** between them so I can see the joins.",
    "I count paragraphs by the asterisks: text, ***, text, and so on, until there have been "
    "{num_paragraphs:paragraph}.",
    "Format required: a text of {num_paragraphs:paragraph} in which every paragraph break is shown as ***",
    "Not one long block, please, but {num_paragraphs:paragraph} with three asterisks (***) separating each from "
    "its neighbour.",
    "The editor insists on {num_paragraphs:paragraph} and on *** as the sign that parts them.",
    "Make sure there are neither more nor fewer paragraphs than {num_paragraphs}, as divided by ***",
    "Put a *** break between paragraphs, of which I want {num_paragraphs}.",
    "A text in {num_paragraphs:paragraph} is what I'm after; wherever two meet, separate them with a line "
    "holding *** and nothing more.",
)
