using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>What another program does in its own way inside a method.</summary>
internal abstract class Quirks
{
    /// <summary>The table that stands for ablated outputs where edges are tried one by one; null under patching.</summary>
    public abstract AblationTable? TableOfTrials(Transformer model, IReadOnlyList<Example> from, AttributionOptions options);

    /// <summary>Where a path starts (null: at the corrupted run), and where differences go beside that (null: to the same).</summary>
    public abstract (AblationTable? Start, AblationTable? Ends) TablesOfPath(Transformer model, IReadOnlyList<Example> from, AttributionOptions options, PathPoint[] path);

    /// <summary>Scores differences that go elsewhere than the path starts.</summary>
    public abstract PathExtension ToEnds(PathRun run, Transformer model, Arena arena, bool measuring, Batch batch, PassLayout layout, AblationTable ends);

    /// <summary>The gradients that neurons are scored with.</summary>
    public abstract OutputGradients GradientsOfNeurons(Transformer model, Arena arena, Rows rows);

    /// <summary>True where heads are scored by what they put out themselves, though the norm of it with that of the others is what joins the stream.</summary>
    public abstract bool HasHeadsUnnormed { get; }

    /// <summary>The share of itself that an example counts.</summary>
    public abstract double Weight(int example, int examples);
}
