"""The embedded engine: an OpenAI-compatible app that really looks at the pixels.

Read in this order; nothing is imported here, and the models are loaded with the first picture.

app       the routes (serve: the same on a port); completion: an answer in the API's form
request   what a request may say; problems: how it is told what is wrong
answer    from a request to the pieces of its answer
reader    pages decoded, queued, read in threads, remembered
ocr       text with places and scores; lines: rows and reading order
looks     colours, sharpness, exposure, QR codes; tables: ruled ones
fields    dates, sums, parties, items, kinds: pure rules on rows of text
facts     all of it for one page
report    the facts as markdown, for the topics of the prompt
schema    the facts in the form of a JSON Schema; values: which name means which fact
usage     estimated tokens, and the limit on them
jobs      files and batches: many requests, answered behind the others
"""
