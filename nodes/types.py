"""The types on Atelier's wires."""

from comfy_api.latest import io

DatasetWire = io.Custom("ATELIER_DATASET")
OptionsWire = io.Custom("ATELIER_TRAIN_OPTIONS")
RunWire = io.Custom("ATELIER_RUN")
LoraModel = io.Custom("LORA_MODEL")
LossMap = io.Custom("LOSS_MAP")
LoraStack = io.Custom("LORA_STACK")
StackWire = io.Custom("ATELIER_LORA_STACK")
CellWire = io.Custom("ATELIER_GRID_CELL")
WorkWire = io.Custom("ATELIER_GRID_WORK")
PagesWire = io.Custom("ATELIER_GRID_PAGES")
AxesWire = io.Custom("ATELIER_GRID_AXES")
