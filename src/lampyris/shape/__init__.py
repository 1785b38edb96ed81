from lampyris._module import as_array, positive, quantity
from lampyris.shape._shape import Shape, lattice
from lampyris.shape.box import Box
from lampyris.shape.cylinder import Cylinder
from lampyris.shape.sphere import Sphere

__all__ = ["Box", "Cylinder", "Shape", "Sphere", "as_array", "lattice", "positive", "quantity"]
