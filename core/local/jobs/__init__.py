"""The Batch API of the embedded engine: files, batches of requests, and the work on them.

records   JSON documents in a folder, listed by age
files     uploads and results
batches   what is known about a batch, in the vendor's states
lines     the lines of an input file: each checked, the answers collected
limits    how much a batch may hold, how long files are kept
runner    the work: each batch in one process, and in the next after a restart
incoming  bodies and uploads over HTTP
routes    /v1/files and /v1/batches
"""
