"""The room in which annotators and detectors are trained: data, guard, loop, checkpoints, for any network.

Four things make a trainer; everything else is here.

- A recipe: a frozen dataclass that derives from `recipe.Recipe`. Its fields are the numbers of a run and the keys of
  its TOML file; its class variables `optimiser` ("adamw", "adam", "sgd") and `schedule` ("cosine", "linear", "cubic",
  "constant") say how the method is optimised.
- A task: derives from `task.Task`. It holds the network, gives the losses of a batch, probabilities for validation,
  and writes the weights in the annotator's own format. It says which parts are frozen and which weights are trained.
- Its data: `items.PairData` gives `original`, `edited` and `mask`; a subclass adds what the task needs besides.
- A command: an `imlbench.report.Report`, registered in the entry-point group `imlbench.trainers`. It becomes
  `imlbench train NAME`. Its options are those of `options`, so that all trainers share names and help texts.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SgdRecipe(Recipe):
        optimiser: ClassVar[str] = "sgd"
        schedule: ClassVar[str] = "cubic"
        learning_rate: float = 0.1

    class MyTask(Task[MyNetwork]):
        def forward(self, batch): ...                                  # {"loss": scalar, ...}
        def probabilities(self, network, original, edited, ids): ...   # B x 1 x h x w in [0, 1]
        def export(self, path, network, facts): ...

    def prepare(request: Request, recipe: SgdRecipe) -> Trainer[MyNetwork]:
        read, marks = read_data(request, recipe)
        task = MyTask(MyNetwork(), recipe)
        return make_trainer(request, recipe, task, PairData(read.train, recipe), read, marks)

What a run guarantees: every pair's place, view and noise follow from seed and position; a killed run goes on from its
last checkpoint to the same losses; evaluation data are refused; a folder with a run in it is never overwritten; the
weights that were validated best, and the last ones, are exported with how they came about.
"""
