"""Atelier: build your own image generator without leaving the ComfyUI canvas."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """ComfyUI's way in: the extension with all nodes, imported when it is asked for."""
    from .nodes import AtelierExtension

    return AtelierExtension()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
