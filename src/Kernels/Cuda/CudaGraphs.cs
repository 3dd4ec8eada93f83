namespace Faith.Kernels.Cuda;

/// <summary>
/// Issues sequences of launches. One that comes for the second time becomes a graph, which from then on is changed where the
/// launches differ and issued with one call; a sequence that never comes again is not worth building one.
/// </summary>
internal sealed unsafe class CudaGraphs(CudaContext context, CudaModule module, nint stream) : IDisposable
{
    private const int FewestOfAGraph = 4, MostKept = 32;

    // The last used come last. A sequence that was seen once is its launches without a graph.
    private readonly List<(LaunchList Launches, CudaGraph? Graph)> _known = [];

    /// <summary>Issues the launches in order.</summary>
    public void Issue(LaunchList launches)
    {
        context.MakeCurrent();
        if (launches.Count < FewestOfAGraph)
        {
            LaunchEach(launches);
            return;
        }
        var index = _known.FindLastIndex(k => k.Launches.HasKernelsOf(launches));
        if (index < 0)
        {
            LaunchEach(launches);
            if (_known.Count == MostKept)
                Forget(0);
            _known.Add((launches.Copy(), null));
            return;
        }
        var (kernels, graph) = _known[index];
        graph ??= new CudaGraph(context, launches);
        _known.RemoveAt(index);
        _known.Add((kernels, graph));
        graph.Launch(launches, stream);
    }

    public void Dispose()
    {
        // They may still be under way, and whether the device can be waited for does not matter here.
        if (_known.Exists(k => k.Graph is not null) && context.TryMakeCurrent())
            _ = context.Driver.cuStreamSynchronize(stream);
        foreach (var (_, graph) in _known)
            graph?.Dispose();
        _known.Clear();
    }

    private void LaunchEach(LaunchList launches)
    {
        for (var i = 0; i < launches.Count; i++)
            fixed (byte* parameters = launches.Parameters(i))
                module.Launch(launches[i], parameters, stream);
    }

    private void Forget(int index)
    {
        if (_known[index].Graph is { } graph)
        {
            // It may still be under way.
            context.Driver.Check(context.Driver.cuStreamSynchronize(stream));
            graph.Dispose();
        }
        _known.RemoveAt(index);
    }
}
