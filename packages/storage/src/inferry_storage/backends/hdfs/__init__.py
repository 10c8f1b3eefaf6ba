"""Files of a Hadoop cluster, over WebHDFS."""

from inferry_storage.backends.hdfs.storage import HdfsStorage

__all__ = ["HdfsStorage"]
