"""What is found is checked before it is called read: angles, flats and darks, and the scan as a whole.

Every reader hands over what a file says; these judges, which work on values and know no format, say what is odd about
it. What fails is assumed, a note, or a question to the user.
"""
