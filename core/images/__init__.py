"""From whatever a person gives to a picture that is safe to look at and ready to send.

Read in this order; nothing is imported here because the decoder's child process must start fast.

intake    files, folders, zips, PDFs, addresses and manifests become pictures one by one
fetch     `safe_fetch`, the only way a picture comes from the network (its rules: addresses)
decoder   `Decoder`, the pool of limited child processes, one of which is worker
worker    what runs in the child: sniff, then raster or document, then encode
messages  every refusal and every note, as a closed set
limits    every number
"""
