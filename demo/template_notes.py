"""What the *Read me* of each template says (templates.py)."""

FIRST_NOTE = """\
Press **Run**. In a few minutes, without a graphics card, this graph

1. learns hats, which the demo base has never seen, from the pictures in *input/atelier-demo/hats*;
2. writes the LoRA to *models/loras/atelier*;
3. draws the same prompts without the LoRA and with it.

Press **Run** again and it takes seconds: what was made is found again.
Change a caption or a setting and it trains anew.
"""
FOUR_NOTE = """\
Press **Run** to see it work on the demo base. Then make it yours:

1. **Load Checkpoint**: your base model.
2. **Load Dataset**: a folder in *input*, with a caption in a .txt file beside each picture.
3. **Train LoRA**: *resolution* as the base was made for (SDXL: 1024), *learning_rate* 0.0001, \
*batch_size* 1 to 4.
4. **Evaluation Grid**: *width* and *height* the same, *cfg* as you use the base, and prompts in \
your captions' words.

Add **Save LoRA** to keep the result as a file.
"""

WORD_NOTE = """\
Press **Run** to see it work on the demo base: about a minute without a graphics card. Then make \
it yours, from left to right:

1. **Load Checkpoint**: your base model.
2. **Load Dataset**: your folder in *input*. Captions in .txt files beside the pictures help; \
pictures without one get *default_caption*.
3. **Train Preset**: what it is, how long to train (*quick* only tells whether anything is \
learned), and the word by which you will ask for it. It is put in front of every caption; your \
files stay as they are.
4. **Evaluation Grid**: *cfg* as you use the base.

The rest is the preset's: of **Train LoRA** only *name* and *seed* count. The grid asks for some \
of your captions and for the word alone, without the LoRA and with it. For the word in new places \
give **Prompt Suite** some *contexts*.

*four-nodes* is this with every number set by you, and no word. *first-lora* also has class \
pictures, which keep a LoRA from showing where it is not asked for, and a held-out set.
"""
