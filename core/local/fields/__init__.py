"""What the text says: values found by rules, each with the row it comes from.

Pure: text in, values out. Nothing is guessed; where the rules allow several readings the others are
kept as alternatives.
"""
