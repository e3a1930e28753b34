"""Sentences that ask for the type ``two_responses``."""

WORDINGS = (
    "Give two different answers with ****** between them.",
    "I would like two versions, divided by six asterisks: ******",
    "Answer twice, not in the same way, and set ****** between the answers.",
    "Offer two alternatives. The line between them is six asterisks (******).",
    "Two distinct replies, please; use ****** as the divider and nowhere else.",
    "{task} Do it in two ways, with ****** in the middle.",
    "Write one answer, then ******, then another that differs.",
    "Show me two options and part them with six stars, like this: ******",
    "Two answers, divided by ******",
    "Give me two takes on it, ****** between them.",
    "I can't decide what I want, so let me see two versions with ****** in between.",
    "Could you answer twice, differently, with a line of six asterisks (******) between the two?",
    "{task} Let me have two to choose from, separated by ******",
    "{task} Please write two different answers. After the first, put six asterisks on a line of their own, like "
    "this:\n******\nThen comes the second.",
    "Twice, in different words and with ****** in between: {task}",
    "Task: {task}\nNumber of answers: two, unlike each other, with ****** between them",
    "Answer it, write ****** underneath, and answer it again in another way.",
    "I need a plan A and a plan B. The only thing that stands between them is this row of six asterisks: ******",
    "My colleague and I each need one, so please write a pair that aren't the same. Where the first stops and "
    "the second starts, type ******",
    "One answer is not enough; do two and set six stars (******) between them.",
    "Offer a choice: first answer, then ******, then second answer.",
    "Try two approaches. I'll split your reply at the six asterisks, so put ****** after the first answer and "
    "nowhere else.",
    "What would be two ways to answer this? Show both of them, with ****** as the border.",
    "Let there be two versions that differ, and let six asterisks in a row, ******, tell me where the one gives "
    "way to the other.",
    "Please reply twice over. The replies must not be identical, and ****** goes between.",
    "A pair of alternatives, please, kept apart by ******",
    "I'd like to compare two attempts. Put ****** between attempt one and attempt two, but neither above the "
    "first nor below the last.",
    "Your reply holds two answers and a divider. The divider is ******",
    "First version, six asterisks (******), second version: that is the form I need.",
    "Write two, so that I can pick the better one. Between them: ******",
    "Would you draft this in two ways? A line with ****** should mark the change from the first draft to the second.",
    "The two of us disagree about what is best, so give two separate answers that differ, with a row of six "
    "asterisks, ******, to divide them.",
    "Don't settle for one solution. Provide two that are not alike, and separate them with six asterisks in a "
    "row: ******",
    "Here's the job. {task} Do it once, type ******, and do it once more in a different manner.",
    "Two variants wanted, with ****** as a separator.",
    "I want a second opinion straight away: your answer, then ******, then an answer that somebody else might "
    "have given.",
    "Divide your reply into two halves by ****** and let each half be a full answer in its own right, not like "
    "the other.",
    "Present two distinct options. Six asterisks, typed without spaces (******), come between the first and the "
    "second.",
    "Version one above, version two below, and ****** in the middle to keep them apart.",
    "Exactly two answers are called for. They should differ in what they say or how they say it, and ****** is "
    "what divides them.",
    "Make two of it! Six stars between, please, like so: ******",
)
