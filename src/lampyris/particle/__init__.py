from lampyris.particle.steps import Steps

__all__ = ["Steps"]
