"""Sentences that ask for the type ``number_placeholders``."""

WORDINGS = (
    "Leave {num_placeholders:placeholder} or more for me, each in square brackets, e.g. [address].",
    "Use {num_placeholders} or more placeholders like [date] for me to fill in.",
    "I will complete the details later, so keep {num_placeholders:blank} or more in the form [name].",
    "The text needs {num_placeholders} or more fields in square brackets, for instance [city].",
    "Include no fewer than {num_placeholders:bracketed placeholder}, e.g. [phone].",
    "{task} Put square brackets around things to be filled in, {num_placeholders} of them or more.",
    "Make it a template with at least {num_placeholders:slot} such as [amount].",
    "Somewhere in it, {num_placeholders:placeholder} or more of the kind [item] have to appear.",
    "Placeholders in square brackets, e.g. [date]: {num_placeholders} or more.",
    "With {num_placeholders:placeholder} or more, such as [name].",
    "Could you leave {num_placeholders:gap} or more for me, written like [place]?",
    "{task} Use square brackets for what I'll fill in later, like [surname]; there should be {num_placeholders} "
    "or more.",
    "{task} I don't want to give away private details, so put placeholders like [street] in their place. I need "
    "{num_placeholders} or more of these.",
    "As a template with {num_placeholders:placeholder} or more in [square brackets]: {task}",
    "Task: {task}\nPlaceholders: {num_placeholders} or more, in the form [placeholder]",
    "We send this to many people, so write [first name] and the like where details differ. There ought to be "
    "{num_placeholders:such place} or more.",
    "Whatever you can't know, put in square brackets, for example [opening hours]. I'd expect {num_placeholders} "
    "or more of those.",
    "Leave blanks in it, please, {num_placeholders} or more. A blank is a word or two in square brackets that "
    "says what goes there, like [time of arrival].",
    "No fewer than {num_placeholders:placeholder}, please, each looking like [this].",
    "Square brackets should stand wherever a detail is still to come, as in [price], and that in "
    "{num_placeholders:place} or more.",
    "Make it reusable: {num_placeholders} or more details should be left open as [detail].",
    "My mail merge fills in everything between square brackets. Give it {num_placeholders} or more to work with, "
    "for instance [title] or [account number].",
    "I'd like to personalise this afterwards. Please set {num_placeholders:field} or more in square brackets, "
    "[like this].",
    "How many placeholders? From {num_placeholders} upwards. How do they look? Like [name of your town].",
    "Bracketed fill-ins such as [telephone number] are wanted, {num_placeholders} of them or more.",
    "Would you work in {num_placeholders:placeholder} or more, e.g. [company], which I can then replace?",
    "Don't invent names or dates; use placeholders such as [name] or [date] for them. I count on "
    "{num_placeholders} or more.",
    "For things that vary, write a description in square brackets, say [colour of the door]. The text should "
    "have {num_placeholders:bracket} of this kind or more.",
    "A form letter is what I need, so let {num_placeholders} or more things be in square brackets for somebody "
    "else to supply, like [reference].",
    "When I search for square brackets, I want to find {num_placeholders:placeholder} or more, [such] as [these].",
    "Put in {num_placeholders:variable} or more, by which I mean something like [user] or [weekday] in square "
    "brackets.",
    "The minimum is {num_placeholders:placeholder} in square brackets, like [shoe size].",
    "Let there be room for my own details. Mark it with square brackets, as in [your name], "
    "{num_placeholders:time} or more.",
    "Here's what I'm after. {task} Where something is left for me to fill in, show it as [something], and do "
    "that {num_placeholders:time} or more.",
    "Some details I'll add myself. You'll show where by [detail], in square brackets, in {num_placeholders:spot} "
    "or more.",
    "Please write it with {num_placeholders:open slot} or more to be completed by hand, like this: [signature].",
    "Include places to fill in. They look like [email address], and there should be {num_placeholders} or more.",
    "Fill-in-the-blank style: {num_placeholders} or more blanks, each named in square brackets, e.g. [street and "
    "number].",
    "Keep it general by means of {num_placeholders} or more bracketed placeholders, for example [season].",
    "You don't know the particulars, so let things like [sender] or [deadline] stand for them. With fewer than "
    "{num_placeholders} of these the template would be of no use to me.",
    "Insert {num_placeholders:placeholder} or more; each is a name in square brackets, say [venue].",
)
