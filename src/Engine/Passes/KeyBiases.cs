using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>What the heads of a model add to their products with keys, on a device, for as many positions as prompts have.</summary>
internal sealed class KeyBiases : IDisposable
{
    private readonly DeviceBuffer memory;

    /// <summary>Biases of at least <paramref name="positions"/>.</summary>
    public KeyBiases(Device device, ModelConfig config, AlibiConfig alibi, int positions)
    {
        positions = RotaryTables.RoundUp(config, positions);
        memory = device.Allocate((long)config.Heads * positions * sizeof(float));
        Table = new(memory, config.Heads, positions);
        var row = new float[positions];
        for (var h = 0; h < config.Heads; h++)
        {
            for (var j = 0; j < positions; j++) row[j] = alibi.Bias(h, j);
            device.Upload(row, Table.RowRange(h, 1));
        }
    }

    /// <summary>[H × positions].</summary>
    public Tensor Table { get; }

    /// <summary>Bytes of device memory.</summary>
    public long Bytes => memory.Bytes;

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}
