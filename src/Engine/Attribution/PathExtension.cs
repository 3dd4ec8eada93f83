using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// What one method, or the quirk of another program, does of its own in a micro-batch of a path (<see cref="PathRun"/>): hooks into its
/// passes, and its own reading of the scores. All others know nothing of it.
/// </summary>
internal abstract class PathExtension
{
    /// <summary>Takes part in the forward passes in the place of the differences, which it must call; null: nothing.</summary>
    public virtual PassHook? Outputs => null;

    /// <summary>Takes part in the backward passes, before gradients are accumulated; null: nothing.</summary>
    public virtual GradientHook? Gradients => null;

    /// <summary>Before the first pass.</summary>
    public virtual void Start() { }

    /// <summary>Before every pass.</summary>
    public virtual void Expect(PathStep step) { }

    /// <summary>After the gradients of so many steps were contracted, <paramref name="last"/> being the last point of them. True: the scores so far were taken, and start from zero again.</summary>
    public virtual bool Contracted(int steps, PathPoint last) => false;

    /// <summary>After the last contraction.</summary>
    public virtual void Finish(CancellationToken cancellation) { }

    /// <summary>Changes the scores [F·N] of an example as they were read.</summary>
    public virtual void Read(int example, Span<float> scores) { }

    /// <summary>Changes the scores by span [<see cref="Graphs.SpanGraph.Entries"/>] of an example as they were read.</summary>
    public virtual void ReadSpans(int example, Span<float> scores) { }

    /// <summary>x += what the difference of a source goes to beside the end of the path, where a neuron's score asks for it.</summary>
    public virtual void AddDifference(NodeId source, Kernels.Tensor x) { }

    /// <summary>Adds scores of its own to those of nodes, neurons and nodes by span (null where they are not wanted); false: they are the ordinary ones.</summary>
    public virtual bool AddTo(NeuronSums? nodes, NeuronSums? neurons, NeuronSums? spanNodes) => false;
}
