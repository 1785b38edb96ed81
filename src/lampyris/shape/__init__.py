from lampyris.shape._shape import Shape
from lampyris.shape.box import Box
from lampyris.shape.cylinder import Cylinder
from lampyris.shape.sphere import Sphere

__all__ = ["Box", "Cylinder", "Shape", "Sphere"]
