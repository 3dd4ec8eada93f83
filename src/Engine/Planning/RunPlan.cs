namespace Faith.Engine.Planning;

/// <summary>What a run will need.</summary>
/// <param name="WeightBytes">Device memory for the parameters.</param>
/// <param name="WorkspaceBytes">Device memory of the largest micro-batch.</param>
/// <param name="ScratchBytes">Device memory that the operations of a GPU take besides; on the CPU 0, since it is not counted there.</param>
/// <param name="Budget">Most device memory that micro-batches may take.</param>
/// <param name="MicroBatches">How many micro-batches there are.</param>
/// <param name="ExamplesOfBatch">Examples of the largest micro-batch.</param>
/// <param name="RowsOfBatch">Suffix rows of the largest micro-batch.</param>
/// <param name="Flops">Operations that cannot be done without (<see cref="FloorCount"/>); null where they are not counted.</param>
/// <param name="WeightBytesRead">Bytes of weight matrices that the products of all passes read, each matrix once a product; edge scores read those of attention besides.</param>
public sealed record RunPlan(long WeightBytes, long WorkspaceBytes, long ScratchBytes, long Budget, int MicroBatches, int ExamplesOfBatch, int RowsOfBatch, double? Flops, double WeightBytesRead);
