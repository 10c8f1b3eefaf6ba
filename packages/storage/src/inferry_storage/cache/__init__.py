"""The folder that downloads are kept in, shared by all processes of a user.

```
snapshots/<key>/manifest.json   what the download is of, and each file of its tree
snapshots/<key>/tree/           the files, 0444; equal ones are one inode
partial/<key>/                  what is being downloaded, or was when its process died
locks/<key>.fetch, .lease       one downloads; any number use, which keeps it there
quarantine/<key>/               what was found to be changed
pulls/<key>.json                what was pulled to a folder outside
```
"""
