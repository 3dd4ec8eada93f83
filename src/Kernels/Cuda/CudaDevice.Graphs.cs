namespace Faith.Kernels.Cuda;

// Sequences that are issued again and again, and time.
public sealed unsafe partial class CudaDevice
{
    // Launches of the sequence that is being written down.
    private readonly LaunchList _sequence = new();
    private readonly CudaGraphs _graphs = null!;
    private bool _inSequence;

    /// <summary>True, unless set otherwise, to replay sequences of operations (<see cref="Repeatable"/>) as CUDA graphs; false to launch every kernel by itself.</summary>
    public bool ReplaysSequences { get; set; } = true;

    /// <summary>
    /// Issues a sequence of operations. A sequence of the same kernels as an earlier one, whatever their operands, sizes and
    /// constants, costs the driver one launch, where hundreds of small kernels can take longer to launch than to run. Operations are
    /// written down while they are called and issued when all have been; after an exception none is.
    /// </summary>
    public override void Repeatable(Action operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        RefuseInSequence(nameof(Repeatable));
        _inSequence = true;
        try
        {
            operations();
            IssueSequence();
        }
        finally
        {
            _inSequence = false;
            _sequence.Clear();
        }
    }

    /// <inheritdoc/>
    public override DeviceMark Mark()
    {
        RefuseInSequence(nameof(Mark));
        _context.MakeCurrent();
        var mark = new CudaMark(_driver, CudaHandle.Event(_context));
        _driver.Check(_driver.cuEventRecord(mark.Event.Value, _stream.Value));
        return mark;
    }

    // Issues what has been written down so far; the sequence goes on.
    private void IssueSequence()
    {
        _graphs.Issue(_sequence);
        _sequence.Clear();
    }

    private void RefuseInSequence(string what)
    {
        if (_inSequence)
            throw new InvalidOperationException($"{what} cannot be part of a repeatable sequence: it would wait for operations that are not issued yet");
    }

    private sealed class CudaMark(CudaDriver driver, CudaHandle created) : DeviceMark
    {
        public CudaHandle Event => created;

        public override double SecondsSince(DeviceMark earlier)
        {
            float milliseconds;
            driver.Check(driver.cuEventSynchronize(created.Value));
            driver.Check(driver.cuEventElapsedTime(&milliseconds, ((CudaMark)earlier).Event.Value, created.Value));
            return milliseconds / 1000.0;
        }

        public override void Dispose() => created.Dispose();
    }
}
