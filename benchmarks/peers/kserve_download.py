"""Download with kserve-storage, as the init container of KServe does."""

import sys

from kserve_storage import Storage

if __name__ == "__main__":
    Storage.download_files([sys.argv[1]], [sys.argv[2]])
