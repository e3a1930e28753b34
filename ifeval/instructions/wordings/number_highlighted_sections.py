"""Sentences that ask for the type ``number_highlighted_sections``."""

WORDINGS = (
    "Highlight at least {num_highlights:phrase} with asterisks, as in *important words*.",
    "Put {num_highlights:passage} or more between single stars, *so*.",
    "Use markdown emphasis (*text*) for {num_highlights:part} of it or more.",
    "Mark no fewer than {num_highlights:spot} by *surrounding them with asterisks*.",
    "{task} Make key phrases stand out, {num_highlights} at the least, *in this way*.",
    "A minimum of {num_highlights:highlight} is needed; write each as *highlight*.",
    "Stars around {num_highlights:phrase} or more, e.g. *the main point*, would help me.",
    "I skim, so emphasise {num_highlights} or more bits with *asterisks*.",
    "Highlights: {num_highlights} or more, *like this*.",
    "Put *asterisks* around {num_highlights:important phrase} or more.",
    "Could you highlight {num_highlights:phrase} or more with asterisks, *like these words*?",
    "{task} Please mark {num_highlights:passage} or more with *asterisks*.",
    "{task} So that I find my way about, put an asterisk before and after the phrases that matter, *like this*. "
    "Mark {num_highlights} or more.",
    "With {num_highlights:phrase} or more set between *asterisks*: {task}",
    "Task: {task}\nHighlighting: {num_highlights:phrase} or more in *asterisks*",
    "Use markdown emphasis (*...*) {num_highlights:time} or more.",
    "Let the reader's eye catch on {num_highlights:phrase} or more: put them between asterisks, as in *look here*.",
    "No fewer than {num_highlights:key phrase} should be *starred on both sides*.",
    "I print these notes for my class and want the main ideas to leap out. Put one asterisk on each side of a "
    "word or phrase to do so, as in *photosynthesis*, and do it {num_highlights:time} or more.",
    "Make {num_highlights:part} or more of the text stand out by asterisks. For example: *a part that stands out*.",
    "How to highlight: *phrase*. How often: {num_highlights:time} at the minimum.",
    "Emphasis, please! I'd like {num_highlights:stressed phrase} or more, marked *so*.",
    "Where something is important, say so with *asterisks*; I expect that in {num_highlights:place} or more.",
    "Italicise {num_highlights} or more words or phrases the markdown way, with *asterisks* round them.",
    "Choose {num_highlights:phrase}, or more if you wish, and enclose each in asterisks: *chosen phrase*.",
    "Some of the text should be highlighted with asterisks on either side of it. By some I mean "
    "{num_highlights:phrase} or more.",
    "What should I remember? Show me by putting *stars* around it, {num_highlights:time} or more.",
    "Would you kindly mark the essential bits, {num_highlights} or more of them, *in this manner*?",
    "When I look for text between *asterisks*, I should find {num_highlights:phrase} or more.",
    "Pick out the phrases that carry the meaning and wrap them in single asterisks, *thus*. Fewer than "
    "{num_highlights} would not be enough.",
    "The text wants a few highlights: {num_highlights} or more phrases with an asterisk at each end, like *that*.",
    "My eyes are not what they were, so *emphasise* what counts with asterisks in {num_highlights:spot} or more.",
    "Highlight as you would with a yellow pen, but with asterisks: *highlighted words*. Do so "
    "{num_highlights:time} or more.",
    "Here is what I want. {task} In doing it, set off {num_highlights:phrase} or more between *asterisks*.",
    "For each thing worth remembering use *asterisks like these*. There should be {num_highlights:such phrase} "
    "or more.",
    "Give {num_highlights:phrase} or more the *asterisk treatment*.",
    "Mark up {num_highlights} or more passages, be they words, phrases or whole sentences, with an asterisk in "
    "front and another behind. *It looks like this.*",
    "Don't leave the page plain; {num_highlights} or more bits of it ought to be between asterisks, *such as these*.",
    "Type an asterisk at the start and the end of what you'd like to stress, *as here*, and stress "
    "{num_highlights:thing} or more.",
    "The finished text should show {num_highlights:emphasised phrase} or more in the style of *emphasised phrase*.",
    "At the very least {num_highlights:phrase} must be between asterisks, *just like that*, for the skimmers among us.",
)
