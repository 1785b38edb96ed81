from lampyris.display.page import write_page
from lampyris.display.ring import ring_on_wall

__all__ = ["ring_on_wall", "write_page"]
