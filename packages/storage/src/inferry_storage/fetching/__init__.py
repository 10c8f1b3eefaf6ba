"""From a URI to files on this machine, one stage after the other.

`opening` chooses the backend and its credentials, `caching` resolves and keeps what
comes in the cache, `pulling` puts it into a folder of the user's, `trees` lays several
sources into one, `comparing` looks afterwards. `building` is between them all: it has
`inferry_storage.transfer` bring the files and `inferry_storage.checking` look at them.
"""
