namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// Reverse-mode differentiation over small matrices. Every operation computes its result at once and notes how a derivative by
/// the result becomes one by its operands; <see cref="Backward"/> plays the notes in reverse order. All derivatives are added (+=),
/// so an operand that is used several times collects the sum.
/// </summary>
public sealed class Tape
{
    private readonly List<Action> notes = [];

    /// <summary>Sets the gradients of everything that the 1 × 1 <paramref name="loss"/> was computed from. To be called once.</summary>
    public void Backward(Value loss)
    {
        if (loss.Data.Length != 1) throw new ArgumentException("A loss is one number.", nameof(loss));
        loss.Gradient[0] = 1;
        for (var i = notes.Count - 1; i >= 0; i--) notes[i]();
    }

    /// <summary>Numbers that nothing was computed for: the start of a computation.</summary>
    public static Value Leaf(int rows, int columns, ReadOnlySpan<double> data)
    {
        if (data.Length != rows * columns) throw new ArgumentException($"{data.Length} numbers for {rows}×{columns}");
        var leaf = new Value(rows, columns);
        data.CopyTo(leaf.Data);
        return leaf;
    }

    /// <summary>y = x, with a gradient of its own: what this one reader contributes to ∂loss/∂x.</summary>
    public Value Copy(Value x) => Scale(x, 1);

    /// <summary>y = x, whose gradient is only a share of y's.</summary>
    public Value Share(Value x, double share)
    {
        var y = Leaf(x.Rows, x.Columns, x.Data);
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++) x.Gradient[i] += share * y.Gradient[i];
        });
        return y;
    }

    /// <summary>y = factor · x.</summary>
    public Value Scale(Value x, double factor)
    {
        var y = new Value(x.Rows, x.Columns);
        for (var i = 0; i < y.Data.Length; i++) y.Data[i] = factor * x.Data[i];
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++) x.Gradient[i] += factor * y.Gradient[i];
        });
        return y;
    }

    /// <summary>y = a + b.</summary>
    public Value Add(Value a, Value b)
    {
        RequireSameShape(a, b);
        var y = new Value(a.Rows, a.Columns);
        for (var i = 0; i < y.Data.Length; i++) y.Data[i] = a.Data[i] + b.Data[i];
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++)
            {
                a.Gradient[i] += y.Gradient[i];
                b.Gradient[i] += y.Gradient[i];
            }
        });
        return y;
    }

    /// <summary>y = a ⊙ b.</summary>
    public Value Multiply(Value a, Value b)
    {
        RequireSameShape(a, b);
        var y = new Value(a.Rows, a.Columns);
        for (var i = 0; i < y.Data.Length; i++) y.Data[i] = a.Data[i] * b.Data[i];
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++)
            {
                a.Gradient[i] += y.Gradient[i] * b.Data[i];
                b.Gradient[i] += y.Gradient[i] * a.Data[i];
            }
        });
        return y;
    }

    /// <summary>y = x, of which no gradient comes back.</summary>
    public static Value Constant(Value x) => Leaf(x.Rows, x.Columns, x.Data);

    /// <summary>y = f(x), number by number.</summary>
    public Value Map(Value x, Func<double, double> function, Func<double, double> derivative)
    {
        var y = new Value(x.Rows, x.Columns);
        for (var i = 0; i < y.Data.Length; i++) y.Data[i] = function(x.Data[i]);
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++) x.Gradient[i] += y.Gradient[i] * derivative(x.Data[i]);
        });
        return y;
    }

    /// <summary>y[r, ·] = x[r, ·] ⊙ scale + shift, with constant scale and shift.</summary>
    public Value ScaleAndShift(Value x, double[] scale, double[] shift)
    {
        var y = new Value(x.Rows, x.Columns);
        for (var r = 0; r < x.Rows; r++)
        {
            for (var c = 0; c < x.Columns; c++) y[r, c] = x[r, c] * scale[c] + shift[c];
        }
        notes.Add(() =>
        {
            for (var i = 0; i < y.Data.Length; i++) x.Gradient[i] += y.Gradient[i] * scale[i % x.Columns];
        });
        return y;
    }

    /// <summary>y = x · W + b, with constant b and constant W, given by its rows [x.Columns × outputs].</summary>
    public Value Linear(Value x, double[][] weights, double[]? bias = null)
    {
        var (inputs, outputs) = (weights.Length, weights[0].Length);
        if (inputs != x.Columns) throw new ArgumentException($"{x.Columns} columns into a matrix of {inputs} inputs");
        var y = new Value(x.Rows, outputs);
        for (var r = 0; r < x.Rows; r++)
        {
            var row = y.Data.AsSpan(r * outputs, outputs);
            bias?.CopyTo(row);
            for (var i = 0; i < inputs; i++)
            {
                var (number, line) = (x[r, i], weights[i]);
                for (var o = 0; o < line.Length; o++) row[o] += number * line[o];
            }
        }
        notes.Add(() =>
        {
            for (var r = 0; r < x.Rows; r++)
            {
                var gradient = y.Gradient.AsSpan(r * outputs, outputs);
                for (var i = 0; i < inputs; i++)
                {
                    var line = weights[i];
                    double sum = 0;
                    for (var o = 0; o < line.Length; o++) sum += gradient[o] * line[o];
                    x.Gradient[r * inputs + i] += sum;
                }
            }
        });
        return y;
    }

    /// <summary>y = a · b.</summary>
    public Value Product(Value a, Value b)
    {
        var y = new Value(a.Rows, b.Columns);
        for (var r = 0; r < a.Rows; r++)
        {
            for (var c = 0; c < b.Columns; c++)
            {
                for (var i = 0; i < a.Columns; i++) y[r, c] += a[r, i] * b[i, c];
            }
        }
        notes.Add(() =>
        {
            for (var r = 0; r < a.Rows; r++)
            {
                for (var c = 0; c < b.Columns; c++)
                {
                    var g = y.Gradient[r * b.Columns + c];
                    for (var i = 0; i < a.Columns; i++)
                    {
                        a.Gradient[r * a.Columns + i] += g * b[i, c];
                        b.Gradient[i * b.Columns + c] += g * a[r, i];
                    }
                }
            }
        });
        return y;
    }

    /// <summary>y = xᵀ.</summary>
    public Value Transpose(Value x)
    {
        var y = new Value(x.Columns, x.Rows);
        for (var r = 0; r < x.Rows; r++)
        {
            for (var c = 0; c < x.Columns; c++) y[c, r] = x[r, c];
        }
        notes.Add(() =>
        {
            for (var r = 0; r < x.Rows; r++)
            {
                for (var c = 0; c < x.Columns; c++) x.Gradient[r * x.Columns + c] += y.Gradient[c * x.Rows + r];
            }
        });
        return y;
    }

    /// <summary>The last row.</summary>
    public Value LastRow(Value x)
    {
        var start = (x.Rows - 1) * x.Columns;
        var y = Leaf(1, x.Columns, x.Data.AsSpan(start));
        notes.Add(() =>
        {
            for (var c = 0; c < x.Columns; c++) x.Gradient[start + c] += y.Gradient[c];
        });
        return y;
    }

    /// <summary>
    /// Each row brought to unit size: y = (x − μ)/σ with σ² = mean((x − μ)²) + ε, where μ is the row's mean (LayerNorm), or 0
    /// where rows are not centred (RMSNorm). With <paramref name="holdSigma"/> a derivative takes σ for a constant.
    /// </summary>
    public Value Normalise(Value x, bool centred, double epsilon, bool holdSigma = false)
    {
        var y = new Value(x.Rows, x.Columns);
        var sigma = new double[x.Rows];
        for (var r = 0; r < x.Rows; r++)
        {
            var row = x.Row(r);
            var mean = centred ? row.Average() : 0;
            sigma[r] = Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + epsilon);
            for (var c = 0; c < x.Columns; c++) y[r, c] = (x[r, c] - mean) / sigma[r];
        }
        notes.Add(() =>
        {
            // ∂σ/∂x_c = y_c/n and ∂μ/∂x_c = 1/n, so that ∂y_i/∂x_c = (δ_ic − [centred]/n − y_i·y_c/n)/σ.
            for (var r = 0; r < x.Rows; r++)
            {
                var start = r * x.Columns;
                double sum = 0, along = 0;
                for (var c = 0; c < x.Columns; c++)
                {
                    sum += y.Gradient[start + c];
                    if (!holdSigma) along += y.Gradient[start + c] * y[r, c];
                }
                for (var c = 0; c < x.Columns; c++)
                {
                    var throughMean = centred ? sum / x.Columns : 0;
                    x.Gradient[start + c] += (y.Gradient[start + c] - throughMean - y[r, c] * along / x.Columns) / sigma[r];
                }
            }
        });
        return y;
    }

    /// <summary>
    /// y[t, ·] = softmax of x[t, 0 … t], zero beyond t: position t attends to itself and what is before it, as far back as the window goes. A derivative takes for y what the softmax is at
    /// another temperature, softmax(x/T); it has no factor 1/T.
    /// </summary>
    public Value CausalSoftmax(Value x, int window = int.MaxValue, double temperature = 1)
    {
        var y = CausalProbabilities(x, window, 1);
        var p = CausalProbabilities(x, window, temperature);
        notes.Add(() =>
        {
            for (var t = 0; t < x.Rows; t++)
            {
                double mean = 0;
                for (var s = 0; s <= t; s++) mean += y.Gradient[t * x.Columns + s] * p[t, s];
                for (var s = 0; s <= t; s++) x.Gradient[t * x.Columns + s] += p[t, s] * (y.Gradient[t * x.Columns + s] - mean);
            }
        });
        return y;
    }

    private static Value CausalProbabilities(Value x, int window, double temperature)
    {
        var y = new Value(x.Rows, x.Columns);
        for (var t = 0; t < x.Rows; t++)
        {
            var first = Math.Max(0, t - window + 1);
            var max = x.Row(t)[first..(t + 1)].Max();
            double sum = 0;
            for (var s = first; s <= t; s++) sum += Math.Exp((x[t, s] - max) / temperature);
            for (var s = first; s <= t; s++) y[t, s] = Math.Exp((x[t, s] - max) / temperature) / sum;
        }
        return y;
    }

    /// <summary>y = log softmax of the one row x.</summary>
    public Value LogSoftmax(Value x)
    {
        var y = new Value(1, x.Columns);
        var max = x.Data.Max();
        var logSum = max + Math.Log(x.Data.Sum(v => Math.Exp(v - max)));
        for (var c = 0; c < x.Columns; c++) y.Data[c] = x.Data[c] - logSum;
        notes.Add(() =>
        {
            var total = y.Gradient.Sum();
            for (var c = 0; c < x.Columns; c++) x.Gradient[c] += y.Gradient[c] - Math.Exp(y.Data[c]) * total;
        });
        return y;
    }

    /// <summary>Turns, in row t, every pair of columns by the angle t · frequency, and makes it longer by the amplitude; columns of no pair stay.</summary>
    public Value Rotate(Value x, LiteralRotary rotary)
    {
        var y = Leaf(x.Rows, x.Columns, x.Data);
        Turn(x.Data, y.Data, 1);
        notes.Add(() =>
        {
            var back = (double[])y.Gradient.Clone();
            Turn(y.Gradient, back, -1);
            for (var i = 0; i < back.Length; i++) x.Gradient[i] += back[i];
        });
        return y;

        void Turn(double[] from, double[] to, int direction)
        {
            for (var t = 0; t < x.Rows; t++)
            {
                for (var i = 0; i < rotary.Frequencies.Length; i++)
                {
                    var (sin, cos) = Math.SinCos(direction * t * rotary.Frequencies[i]);
                    var (first, second) = rotary.Pair(i);
                    var (a, b) = (from[t * x.Columns + first], from[t * x.Columns + second]);
                    to[t * x.Columns + first] = rotary.Amplitude * (a * cos - b * sin);
                    to[t * x.Columns + second] = rotary.Amplitude * (b * cos + a * sin);
                }
            }
        }
    }

    /// <summary>The 1 × 1 sum of all numbers of x, each times its constant weight.</summary>
    public Value WeightedSum(Value x, double[] weights)
    {
        var y = new Value(1, 1);
        for (var i = 0; i < x.Data.Length; i++) y.Data[0] += x.Data[i] * weights[i];
        notes.Add(() =>
        {
            for (var i = 0; i < x.Data.Length; i++) x.Gradient[i] += y.Gradient[0] * weights[i];
        });
        return y;
    }

    private static void RequireSameShape(Value a, Value b)
    {
        if (a.Rows != b.Rows || a.Columns != b.Columns) throw new ArgumentException($"{a.Rows}×{a.Columns} with {b.Rows}×{b.Columns}");
    }
}
