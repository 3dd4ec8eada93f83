namespace Faith.Kernels.Cuda;

// Launch sequences that are issued again and again, and their time.
public sealed unsafe partial class CudaDevice
{
    /// <summary>
    /// Records the operations that <paramref name="work"/> issues instead of running them. Replaying them costs one call, where
    /// issuing a few thousand small kernels one by one can cost more than running them. Addresses, shapes and constants are
    /// those of the recording; what stands at the addresses is read at the replay. Nothing may be allocated, copied to or from
    /// the host or waited for in between, and <paramref name="work"/> must have run once before, so that working memory is there.
    /// </summary>
    public CudaGraph Capture(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        RefuseInCapture("another capture");
        const int threadLocal = 1;
        _context.MakeCurrent();
        _driver.Check(_driver.cuStreamBeginCapture(_stream.Value, threadLocal));
        nint graph = 0, executable;
        int ended;
        _capturing = true;
        try
        {
            work();
        }
        finally
        {
            // Also after an exception: a stream left in capture would be of no more use.
            _capturing = false;
            ended = _driver.cuStreamEndCapture(_stream.Value, &graph);
        }
        _driver.Check(ended, "cuStreamEndCapture");
        using var recorded = new CudaHandle(_context, graph, _driver.cuGraphDestroy);
        _driver.Check(_driver.cuGraphInstantiateWithFlags(&executable, graph, 0));
        return new(this, new(_context, executable, _driver.cuGraphExecDestroy));
    }

    /// <summary>Milliseconds that the GPU takes for what <paramref name="work"/> issues, by its own clock.</summary>
    public float Measure(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _context.MakeCurrent();
        using var start = CudaHandle.Event(_context);
        using var end = CudaHandle.Event(_context);
        _driver.Check(_driver.cuEventRecord(start.Value, _stream.Value));
        work();
        _driver.Check(_driver.cuEventRecord(end.Value, _stream.Value));
        _driver.Check(_driver.cuEventSynchronize(end.Value));
        float milliseconds;
        _driver.Check(_driver.cuEventElapsedTime(&milliseconds, start.Value, end.Value));
        return milliseconds;
    }

    internal void Replay(CudaHandle executable)
    {
        RefuseInCapture("a replay");
        _context.MakeCurrent();
        _driver.Check(_driver.cuGraphLaunch(executable.Value, _stream.Value));
    }

    private void RefuseInCapture(string what)
    {
        if (_capturing)
            throw new InvalidOperationException($"{what} cannot be captured");
    }
}

/// <summary>Operations recorded by <see cref="CudaDevice.Capture"/>.</summary>
public sealed class CudaGraph : IDisposable
{
    private readonly CudaDevice _device;
    private readonly CudaHandle _executable;

    internal CudaGraph(CudaDevice device, CudaHandle executable) => (_device, _executable) = (device, executable);

    /// <summary>Issues the operations once more.</summary>
    public void Replay() => _device.Replay(_executable);

    /// <inheritdoc/>
    public void Dispose() => _executable.Dispose();
}
