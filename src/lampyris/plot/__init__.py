from lampyris.plot.event import save_event

__all__ = ["save_event"]
