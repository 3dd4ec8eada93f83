using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Compatibility;

/// <summary>
/// What the EAP-IG library does in its own way inside a method (method.md §7): <see cref="Ablation.Mean"/> is one row for all nodes
/// (<see cref="LastTokenMean"/>); under means, differences go to the means while the path of eap-ig-activations goes to zero; the
/// score of an MLP, or of one of its neurons, takes the gradient at the MLP's input; heads are scored as if nothing normed what they put
/// out; and its losses are means over batches.
/// </summary>
/// <param name="batch">The size of its batches, in the order of the data.</param>
internal sealed class LibraryQuirks(int batch) : Quirks
{
    public override AblationTable? TableOfTrials(Transformer model, IReadOnlyList<Example> from, AttributionOptions options) =>
        options.Ablation == Ablation.Mean ? OneRow(model, from, options) : AblationTable.Create(model, options.Ablation, from, options.MemoryBytes);

    public override (AblationTable? Start, AblationTable? Ends) TablesOfPath(Transformer model, IReadOnlyList<Example> from, AttributionOptions options, PathPoint[] path)
    {
        AblationTable? Of(Ablation ablation) => AblationTable.Create(model, ablation, from, options.MemoryBytes);
        return options.Ablation switch
        {
            Ablation.Mean => (Of(Ablation.Zero), OneRow(model, from, options)),
            Ablation.MeanPositional when path.Any(p => p.Stage > 0) => (Of(Ablation.Zero), Of(Ablation.MeanPositional)),
            _ => (Of(options.Ablation), null),
        };
    }

    public override PathExtension ToEnds(PathRun run, Transformer model, Arena arena, bool measuring, Batch batch, PassLayout layout, AblationTable ends) =>
        new MeansBesidePath(run, model, arena, measuring, batch, layout, ends);

    public override OutputGradients GradientsOfNeurons(Transformer model, Arena arena, Rows rows) => new AtMlpInputs(model, arena, rows);

    public override bool HasHeadsUnnormed => true;

    /// <summary>The mean over its batch is divided by the number of examples once more.</summary>
    public override double Weight(int example, int examples) => 1.0 / Math.Min(batch, examples - example / batch * batch);

    private static AblationTable OneRow(Transformer model, IReadOnlyList<Example> from, AttributionOptions options) =>
        AblationTable.FromRow(model, LastTokenMean.Compute(model, from, options.MemoryBytes));

    /// <summary>An MLP's gradient is taken at its input, before its norm, and that of heads at what they put out, before the norm of it.</summary>
    private sealed class AtMlpInputs(Transformer model, Arena arena, Rows rows) : OutputGradients(model, arena, rows)
    {
        private readonly bool normsOutputs = model.Config.NormsOutputs;

        public override void Output(int stage, Tensor gradient)
        {
            if (stage == 0 || (stage == ModelGraph.HeadsStage(ModelGraph.LayerOfStage(stage)) && !normsOutputs)) base.Output(stage, gradient);
        }

        public override void AttentionOutput(int l, Tensor gradient) => base.Output(ModelGraph.HeadsStage(l), gradient);

        public override void MlpInput(int l, Tensor gradient) => base.Output(ModelGraph.MlpStage(l), gradient);
    }
}
