"""What the page in ComfyUI needs to show and edit a folder of pictures; pure, no HTTP."""
