from .adapter import Adapter as Adapter
